//! Sentences put together by the compiler: what a failed check says, built in a constant.

/// A sentence. What does not fit is cut off.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; Self::LONGEST],
    len: usize,
}

impl Text {
    const LONGEST: usize = 1000;

    /// A sentence that begins like this.
    pub(crate) const fn new(start: &str) -> Self {
        Self { bytes: [0; Self::LONGEST], len: 0 }.with(start)
    }

    /// With this at its end, all of it or nothing.
    pub(crate) const fn with(mut self, part: &str) -> Self {
        let part = part.as_bytes();
        if self.len + part.len() > Self::LONGEST {
            return self;
        }
        let mut index = 0;
        while index < part.len() {
            self.bytes[self.len] = part[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    /// With a name in backticks at its end.
    pub(crate) const fn name(self, name: &str) -> Self {
        self.with("`").with(name).with("`")
    }

    pub(crate) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "these partitions do not line up",
        }
    }

    /// "; did you mean `…`?", or "; known …: …" if nothing is near.
    pub(crate) const fn suggestion(mut self, written: &str, what: &str, known: &[&str]) -> Self {
        let mut nearest = usize::MAX;
        let (mut best, mut index) = (usize::MAX, 0);
        while index < known.len() {
            let distance = distance(written.as_bytes(), known[index].as_bytes());
            let length = known[index].len();
            if distance < best && distance <= (if length > 3 { length } else { 3 }) / 3 {
                (best, nearest) = (distance, index);
            }
            index += 1;
        }
        if nearest < known.len() {
            return self.with("; did you mean ").name(known[nearest]).with("?");
        }
        self = self.with("; known ").with(what).with(": ");
        index = 0;
        while index < known.len() {
            if index == 12 {
                return self.with(", …");
            }
            self = self.with(if index > 0 { ", " } else { "" }).name(known[index]);
            index += 1;
        }
        self
    }
}

/// Whether two texts are the same.
pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Whether a text is one of these.
pub(crate) const fn contains(all: &[&str], wanted: &str) -> bool {
    let mut index = 0;
    while index < all.len() {
        if same(all[index], wanted) {
            return true;
        }
        index += 1;
    }
    false
}

/// How many bytes differ, a swap of neighbours counted as one.
const fn distance(a: &[u8], b: &[u8]) -> usize {
    const LONGEST: usize = 40;
    if a.len() >= LONGEST || b.len() >= LONGEST {
        return usize::MAX;
    }
    let mut rows = [[0_usize; LONGEST]; LONGEST];
    let mut i = 0;
    while i <= a.len() {
        let mut j = 0;
        while j <= b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]) as usize;
                let mut least = smaller(changed, smaller(rows[i - 1][j] + 1, rows[i][j - 1] + 1));
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = smaller(least, rows[i - 2][j - 2] + 1);
                }
                least
            };
            j += 1;
        }
        i += 1;
    }
    rows[a.len()][b.len()]
}

const fn smaller(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}
