//! BigQuery, as far as no server is asked.

use super::{file, mistakes};

#[test]
fn a_store_is_configured_and_its_key_is_not_shown() {
    let configured = file(
        "[stores.warehouse]\nkind = \"bigquery\"\nproject = \"shop\"\nlocation = \"EU\"\ncredentials_base64 = \"${KEY}\"\njob_timeout = \"10m\"\n",
    );
    let shown = configured.builder(&[("KEY", "c2VjcmV0")]).configuration().unwrap().unwrap();
    let shown = format!("{shown}{shown:?}{}", shown.to_json());
    assert!(shown.contains("${KEY}") && !shown.contains("c2VjcmV0"), "{shown}");
    let said = mistakes(
        "[stores.warehouse]\nkind = \"bigquery\"\nanonymous = true\ncredentials_file = \"a.json\"\nproject = \"shop\"\n",
    );
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("several of `credentials_file`") && said[0].contains("lakewright.toml:1:9"), "{said:#?}");
    let said = mistakes("[stores.warehouse]\nkind = \"bigquery\"\n");
    assert!(said[0].contains("`stores.warehouse` needs `project`"), "{said:#?}");
}
