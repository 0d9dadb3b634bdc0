//! The layers of the runtime, held by reading its source.

use std::path::Path;
use std::process::Command;

use crate::support::files_below;

/// The modules of each layer, lowest first, as `ARCHITECTURE.md` has them.
const LAYERS: [&[&str]; 6] = [
    &["columns", "error", "key", "slice", "schema", "metadata", "commit", "event", "partition"],
    &["asset", "io", "value", "frame", "context", "call", "cancel", "env", "resource", "settings", "typed", "duckdb"],
    &["registry", "graph", "select", "state"],
    &[
        "io::bigquery",
        "io::delta",
        "io::duckdb",
        "io::file",
        "io::fs",
        "io::memory",
        "io::defaults",
        "state::memory",
        "state::postgres",
        "state::sqlite",
        "state::defaults",
        "config",
    ],
    &["exec", "lakehouse"],
    &["report", "cli", "conformance", "testing", "prelude", "__private"],
];

fn layer(module: &str) -> usize {
    let parts: Vec<&str> = module.split("::").collect();
    let nested = parts.get(..2).map(|two| two.join("::"));
    let find = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    nested.and_then(|two| find(&two)).or_else(|| find(parts[0])).unwrap_or_else(|| panic!("`{module}` is in no layer"))
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    let files = files_below(&root).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let module = |file: &Path| {
        let name = file.with_extension("").to_string_lossy().replace('/', "::");
        name.strip_suffix("::mod").unwrap_or(&name).to_owned()
    };
    files
        .map(|file| (module(&file), std::fs::read_to_string(root.join(&file)).unwrap()))
        .filter(|(module, _)| module != "lib")
        .collect()
}

/// What a file imports from this crate: `io::files`, `exec`; without its tests.
fn imports(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for line in source.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        for part in line.replace("$crate::", "").split("crate::").skip(1) {
            let path: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            found.push(path.trim_end_matches(':').to_owned());
        }
    }
    found
}

#[test]
fn a_layer_imports_only_from_lower_ones_and_its_own() {
    for (module, source) in sources() {
        let own = layer(if module == "private" { "__private" } else { &module });
        for import in imports(&source)
            .into_iter()
            .filter(|import| import.chars().next().is_some_and(char::is_lowercase) && import != "assets")
        {
            // The one list of default stores is called by name from the front door of `io`.
            let import = if import.starts_with("io::default_stores") { "io::defaults".to_owned() } else { import };
            assert!(layer(&import) <= own, "`{module}` (layer {own}) imports `{import}` (layer {})", layer(&import));
        }
    }
}

#[test]
fn stores_never_see_each_other_nor_the_registry() {
    for (module, source) in sources() {
        let Some(store) = module.strip_prefix("io::") else { continue };
        let store = store.split("::").next().unwrap();
        for import in imports(&source) {
            let other = ["bigquery", "delta", "duckdb", "file", "fs", "memory"]
                .into_iter()
                .find(|other| import.starts_with(&format!("io::{other}::")));
            assert!(other.is_none_or(|other| other == store || store == "defaults"), "`{module}` imports `{import}`");
            assert!(!import.starts_with("registry") && !import.starts_with("graph"), "`{module}` imports `{import}`");
        }
    }
}

#[test]
fn logs_never_see_each_other() {
    for (module, source) in sources() {
        let Some(log) = module.strip_prefix("state::") else { continue };
        let log = log.split("::").next().unwrap();
        for import in imports(&source) {
            let other = ["memory", "postgres", "sqlite"].into_iter().find(|other| import.starts_with(&format!("state::{other}")));
            assert!(other.is_none_or(|other| other == log || log == "defaults"), "`{module}` imports `{import}`");
        }
        let reached = ["memory", "postgres", "sqlite"]
            .into_iter()
            .find(|other| *other != log && source.contains(&format!("super::{other}")));
        assert!(reached.is_none(), "`{module}` reaches `{reached:?}`");
    }
}

#[test]
fn the_executor_never_prints_and_the_graph_does_no_io() {
    for (module, source) in sources() {
        let code: String =
            source.split("#[cfg(test)]").next().unwrap().lines().filter(|line| !line.trim().starts_with("//")).collect();
        let forbidden: &[&str] = match module.split("::").next().unwrap() {
            "exec" | "lakehouse" => &["println!", "eprintln!", "stdout()", "stderr()", "std::fs"],
            "graph" | "select" | "registry" => &["println!", "std::fs", "tokio", "std::env"],
            _ if module.starts_with("io::") => &["println!", "eprintln!"],
            _ => &[],
        };
        for word in forbidden {
            assert!(!code.contains(word), "`{module}` uses `{word}`");
        }
    }
}

/// Otherwise what `.ci/run` checks together with that package has dependencies of its own, DuckDB among them.
#[test]
fn the_package_of_all_dependencies_has_them_all() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |manifest: &Path, table: &str| -> Vec<String> {
        let text = std::fs::read_to_string(manifest).unwrap();
        let lines = text.lines().skip_while(|line| *line != table).skip(1).take_while(|line| !line.starts_with('['));
        let begins = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        begins.map(|line| line.split([' ', '.']).next().unwrap().to_owned()).collect()
    };
    let mut wanted = names(&root.join("../Cargo.toml"), "[workspace.dependencies]");
    // Our own, and what only the attributes are made with.
    wanted.retain(|name| {
        !["lakewright", "lakewright-macros", "prettyplease", "proc-macro2", "quote", "syn"].contains(&name.as_str())
    });
    let mut listed = names(&root.join("dependencies/Cargo.toml"), "[dependencies]");
    wanted.sort();
    listed.sort();
    assert!(wanted.len() > 50, "{wanted:?}");
    assert_eq!(listed, wanted);
}

#[test]
fn feature_gates_stand_on_items_of_modules() {
    for (module, source) in sources() {
        for (number, line) in source.lines().enumerate() {
            let gate = line.trim_start().starts_with("#[cfg(feature") || line.contains("cfg!(feature");
            let inside = line.starts_with(' ') && !["io::defaults", "config::kinds"].contains(&module.as_str());
            assert!(!(gate && inside), "`{module}` line {}: a feature gate inside an item", number + 1);
        }
    }
}

#[test]
fn without_features_no_frame_library_is_pulled_in() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .args(["tree", "-p", "lakewright", "--no-default-features", "-e", "normal", "--prefix", "none", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("serde v"), "the tree is there");
    for library in
        ["polars", "arrow", "datafusion", "deltalake", "rusqlite", "libsqlite3-sys", "duckdb", "tokio-postgres", "rustls"]
    {
        assert!(!tree.lines().any(|line| line.starts_with(library)), "{library} is pulled in");
    }
}
