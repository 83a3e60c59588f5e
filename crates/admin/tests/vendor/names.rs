//! The list of actions from which docs/COMPATIBILITY.md is made.

use rotunda_admin::vendor::{BUILT, UNBUILT};
use serde_json::{Map, Value, json};

#[test]
fn the_page_names_what_is_served() {
    let mut built: Map<String, Value> = Map::new();
    for action in BUILT {
        let paths = built.entry(action.family).or_insert_with(|| json!([]));
        paths.as_array_mut().unwrap().push(format!("{}/{}", action.group.name(), action.name).into());
    }
    let unbuilt: Vec<String> = UNBUILT.iter().map(|name| format!("qchat/{name}")).collect();
    let served = json!({ "built": built, "unbuilt": unbuilt });
    let text = serde_json::to_string_pretty(&served).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/rest.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), text, "UPDATE=1 writes it");
}
