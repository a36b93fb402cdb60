//! The tree as the lists of tests see it: its files, and which test a marker stands above.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The folder of the package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file in which a test may stand.
pub fn files() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(package().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            let wanted = [".rs", ".mjs", ".sh"].iter().any(|end| name.ends_with(end)) || !name.contains('.');
            if entry.file_type().unwrap().is_dir() {
                if ![Path::new("integration/fuzz/corpus"), Path::new("integration/blackbox/snapshots")]
                    .contains(&&*path)
                {
                    walk(&path, found);
                }
            } else if let (true, Ok(text)) = (wanted, fs::read_to_string(package().join(&path))) {
                found.insert(path, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(Path::new("src"), &mut found);
    walk(Path::new("integration"), &mut found);
    found
}

/// The function a marker stands above. Between the two there may be attributes and comments only, one of which (or one right
/// above the marker) makes it a test; a scenario is made one by the list of scenarios.
pub fn test_below(lines: &[&str], at: usize, scenarios: &str) -> Result<String, &'static str> {
    let belongs = |line: &&&str| ["#[", "//", ")]"].iter().any(|sign| line.trim_start().starts_with(sign));
    let above = lines[..at].iter().rev().take_while(belongs);
    let below: Vec<&str> = lines[at + 1..].iter().take_while(belongs).copied().collect();
    let declared = lines.get(at + 1 + below.len()).copied().unwrap_or_default();
    let name = declared
        .split_once("fn ")
        .map(|(_, rest)| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
    let name = name.filter(|name| !name.is_empty()).ok_or("stands above no function")?;
    let attributes: Vec<&str> =
        above.chain(&below).map(|line| line.trim_start()).filter(|line| line.starts_with("#[")).collect();
    if attributes.iter().any(|line| line.starts_with("#[ignore")) {
        return Err("stands above a test that is not run");
    }
    let is_test = attributes.iter().any(|line| line.contains("test]") || line.contains("test("));
    let is_scenario = scenarios.contains(&format!("::{name},"));
    if is_test || is_scenario { Ok(name) } else { Err("stands above a function that is no test") }
}
