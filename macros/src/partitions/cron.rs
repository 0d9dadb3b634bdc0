//! Whether a text is a cron expression: five fields, each a list of values, ranges and steps.

/// A field: its name, its least and its greatest value, and the names that values have.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of the month", least: 1, most: 31, names: &[] },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // Sunday is 0 and 7.
    Field { name: "day of the week", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Checks an expression.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let names = FIELDS.map(|field| field.name).join(", ");
        let count = fields.len();
        return Err(format!("a cron expression has five fields ({names}), as in `0 3 * * *`; this one has {count}"));
    }
    for (field, written) in FIELDS.iter().zip(fields) {
        for part in written.split(',') {
            field.check(part).map_err(|why| format!("`{part}` is no {}: {why}", field.name))?;
        }
    }
    Ok(())
}

impl Field {
    /// One part of the list.
    fn check(&self, part: &str) -> Result<(), String> {
        let (range, step) = part.split_once('/').unzip();
        let range = range.unwrap_or(part);
        if let Some(step) = step
            && !step.parse::<u8>().is_ok_and(|step| (1..=self.most).contains(&step))
        {
            return Err(format!("a step is 1 to {}", self.most));
        }
        match range.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (self.value(first)?, self.value(last)?);
                if first > last { Err("the range ends before it begins".to_owned()) } else { Ok(()) }
            }
            None if range == "*" || self.is_special(range) => Ok(()),
            None => self.value(range).map(|_| ()),
        }
    }

    /// `L`, the last day of a month, and `5L` and `5#2`, the last and the second Friday of one.
    fn is_special(&self, text: &str) -> bool {
        let weekdays = self.most == 7;
        match text.strip_suffix('L') {
            Some("") => self.most == 31,
            Some(day) => weekdays && self.value(day).is_ok(),
            None => text.split_once('#').is_some_and(|(day, which)| {
                weekdays && self.value(day).is_ok() && which.parse::<u8>().is_ok_and(|which| (1..=5).contains(&which))
            }),
        }
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        let name = text.to_lowercase();
        if let Some((_, value)) = self.names.iter().zip(self.least..).find(|(known, _)| **known == name) {
            return Ok(value);
        }
        let value = text.parse::<u8>().ok().filter(|value| (self.least..=self.most).contains(value));
        value.ok_or_else(|| {
            let names = self.names.first().map(|first| format!(", or a name like `{first}`")).unwrap_or_default();
            format!("it is {} to {}{names}", self.least, self.most)
        })
    }
}
