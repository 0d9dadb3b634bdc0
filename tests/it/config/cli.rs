//! `--config`, `--profile`, `config show`, and where the file is looked for.

use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

const CONFIG: &str = r#"
root = "data"
parallelism = 2

[stores.delta]
[stores.csv]
[stores.fs]

[assets.doubled]
waits = "${WAITS:-nothing}"

[profiles.dev.stores.delta]
kind = "parquet"
options = { compression = "snappy" }

[profiles.prod.stores.delta]
root = "${DELTA_ROOT}"
"#;

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAKEWRIGHT")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).envs(variables.iter().copied()).current_dir(folder).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn config_show_says_what_from_where() {
    let folder = tempdir().unwrap();
    assert_eq!(run(folder.path(), &["config", "show"], &[]), (0, "# file: none\n# profile: none\n".to_owned(), String::new()));
    std::fs::write(folder.path().join("lakewright.toml"), CONFIG).unwrap();
    let variables = [("LAKEWRIGHT__STORES__CSV__ROOT", "/csv"), ("WAITS", "for me")];
    let (code, shown, stderr) = run(folder.path(), &["config", "show", "--profile", "dev"], &variables);
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!("config_show", shown);
    let (code, shown, _) = run(folder.path(), &["config", "show", "--json", "--profile", "dev"], &variables);
    assert_eq!(code, 0);
    insta::assert_snapshot!("config_show_json", shown);
    let (code, _, stderr) = run(folder.path(), &["config", "show", "--profile", "prod"], &[]);
    assert_eq!(code, 4);
    insta::assert_snapshot!("config_show_unset", stderr);
    let variables = [("LAKEWRIGHT_ROOT", "/there")];
    let (code, shown, _) = run(folder.path(), &["config", "show", "--root", "elsewhere"], &variables);
    assert_eq!(code, 0);
    assert!(shown.contains("root = \"elsewhere\"  # `--root` or `.root(…)`\n") && !shown.contains("there\"  # $"), "{shown}");
    let (code, shown, _) = run(folder.path(), &["config", "show", "--profile", "prod", "--json"], &[]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, shown["errors"][0]["code"].as_str()), (4, Some("LW0210")));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was touched");
}

#[test]
fn the_nearest_file_upwards_is_used_and_paths_are_relative_to_it() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("lakewright.toml"), CONFIG.replace("waits", "#waits")).unwrap();
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    let (code, _, stderr) = run(&inner, &["materialize", "numbers"], &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(folder.path().join("data/delta/public/numbers/_delta_log").exists());
    let (code, _, stderr) = run(&inner, &["materialize", "numbers", "--profile", "dev"], &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(folder.path().join("data/delta/numbers.parquet").exists());
    assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 0, "nothing is beside the current folder");
    // `--root` wins, and a file that is named wins over one that is found.
    std::fs::write(inner.join("other.toml"), "[stores]\ndelta = { kind = \"csv\" }\ncsv = {}\nfs = {}\n").unwrap();
    let arguments = ["materialize", "numbers", "--config", "other.toml", "--root", "here"];
    let (code, _, stderr) = run(&inner, &arguments, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(inner.join("here/delta/numbers.csv").exists());
    let (code, _, stderr) = run(&inner, &["materialize", "numbers"], &[("LAKEWRIGHT_CONFIG", "other.toml")]);
    assert_eq!(code, 0, "{stderr}");
    assert!(inner.join("lakehouse/delta/numbers.csv").exists());
}

#[test]
fn mistakes_have_an_exit_code_and_their_place() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("lakewright.toml"), "rot = \"data\"\n[stores.delta]\nroot = 3\n").unwrap();
    let (code, _, stderr) = run(folder.path(), &["check"], &[]);
    assert_eq!(code, 4);
    insta::assert_snapshot!("config_mistakes", stderr);
    assert_eq!(run(folder.path(), &["check", "--config", "nowhere.toml"], &[]).0, 4);
}
