//! Reads the sources: which modules there are, which of them are for tests only, and what each names of the others.
//!
//! Not a compiler: it follows `use` declarations and written paths, also inside macro calls, which is how one room gets hold of
//! another. What it cannot see is a type that a method of an allowed room hands out without anybody naming it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, UseTree, visit::Visit};

/// One module that is part of the program (not only of its tests).
pub(crate) struct Module {
    /// Where it stands in the crate, without `crate`: `["domain", "session", "key"]`.
    pub(crate) place: Vec<String>,
    /// Its file, relative to the package.
    pub(crate) file: PathBuf,
    /// Every path it names, made absolute: `["crate", "values", "time"]` or `["std", "env", "var"]`.
    pub(crate) names: BTreeSet<Vec<String>>,
    /// Paths it hands on to others (`pub use`), absolute.
    pub(crate) hands_on: BTreeSet<Vec<String>>,
    /// Paths whose whole content it imports (`use …::*`), absolute.
    pub(crate) globs: BTreeSet<Vec<String>>,
    /// Methods it calls without arguments: `.store()`.
    pub(crate) asks: BTreeSet<String>,
    /// The text literals in it.
    pub(crate) texts: Vec<String>,
    /// What its items are: `mod`, `use`, `fn` …
    pub(crate) kinds: Vec<&'static str>,
}

/// The program's modules, and the files that only tests reach.
pub(crate) struct Tree {
    /// Every module of the program, each inline module on its own.
    pub(crate) modules: Vec<Module>,
    /// Every file that was read, tests too.
    pub(crate) files: BTreeSet<PathBuf>,
}

/// Walks the module tree from `root` (`src/lib.rs`, `src/main.rs`) on.
pub(crate) fn read(package: &Path, root: &str, place: &[&str]) -> Tree {
    let mut tree = Tree { modules: Vec::new(), files: BTreeSet::new() };
    let place = place.iter().map(ToString::to_string).collect();
    Reader { package, tree: &mut tree }.file(Path::new(root), place, false);
    tree
}

struct Reader<'a> {
    package: &'a Path,
    tree: &'a mut Tree,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, place: Vec<String>, tested: bool) {
        let text = fs::read_to_string(self.package.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.tree.files.insert(file.to_owned());
        // `mod.rs`, `lib.rs` and `main.rs` have their children beside them, every other file in a folder of its name.
        let stem = file.file_stem().expect("a file name").to_string_lossy();
        let parent = file.parent().expect("a folder");
        let children =
            if ["mod", "lib", "main"].contains(&&*stem) { parent.to_owned() } else { parent.join(&*stem) };
        self.items(&parsed.items, file, &children, place, tested);
    }

    fn items(&mut self, items: &[Item], file: &Path, children: &Path, place: Vec<String>, tested: bool) {
        for item in items {
            let Item::Mod(module) = item else { continue };
            let tested = tested || only_for_tests(&module.attrs);
            let name = module.ident.to_string();
            let below: Vec<String> = place.iter().cloned().chain([name.clone()]).collect();
            if let Some((_, items)) = &module.content {
                self.items(items, file, &children.join(&name), below, tested);
                continue;
            }
            let beside = written_path(&module.attrs).map(|path| file.with_file_name(path));
            let usual = [children.join(format!("{name}.rs")), children.join(&name).join("mod.rs")];
            let found = beside.into_iter().chain(usual).find(|path| self.package.join(path).is_file());
            let found = found.unwrap_or_else(|| panic!("{}: no file for mod {name}", file.display()));
            self.file(&found, below, tested);
        }
        if !tested {
            self.tree.modules.push(module(items, file, place));
        }
    }
}

/// Whether an item exists in tests only: `cfg(test)`, alone or as one of several reasons.
fn only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let text = list.tokens.to_string();
        let words: Vec<&str> = words(&text);
        words.contains(&"test") && !words.contains(&"not")
    })
}

/// `#[path = "…"]`.
fn written_path(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value())
}

fn module(items: &[Item], file: &Path, place: Vec<String>) -> Module {
    let mut module = Module {
        place,
        file: file.to_owned(),
        names: BTreeSet::new(),
        hands_on: BTreeSet::new(),
        globs: BTreeSet::new(),
        asks: BTreeSet::new(),
        texts: Vec::new(),
        kinds: Vec::new(),
    };
    // Two rounds: an imported name may be used above its `use`.
    let mut aliases = BTreeMap::new();
    for (item, tree, public) in items.iter().filter_map(|item| match item {
        Item::Use(item) if !only_for_tests(&item.attrs) => Some((item, &item.tree, public(&item.vis))),
        _ => None,
    }) {
        let mut leaves = Vec::new();
        flatten(
            tree,
            &mut if item.leading_colon.is_some() { vec!["::".into()] } else { Vec::new() },
            &mut leaves,
        );
        for (path, name) in leaves {
            let Some(path) = absolute(&path, &module.place, &BTreeMap::new()) else { continue };
            if name == "*" {
                module.globs.insert(path.clone());
            } else {
                aliases.insert(name, path.clone());
            }
            if public {
                module.hands_on.insert(path.clone());
            }
            module.names.insert(path);
        }
    }
    let mut reader = Names { module: &mut module, aliases };
    for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
        reader.visit_item(item);
    }
    module.kinds = items.iter().filter(|item| !only_for_tests(attributes(item))).map(kind).collect();
    module
}

fn public(visibility: &syn::Visibility) -> bool {
    !matches!(visibility, syn::Visibility::Inherited)
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Mod(_) => "mod",
        Item::Use(_) => "use",
        _ => "item",
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `a::{b, c::{self, d as e}}` → (`a::b`, b), (`a::c`, c), (`a::c::d`, e).
fn flatten(tree: &UseTree, prefix: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    let leaf = |prefix: &[String], name: &str, alias: String| {
        let mut path = prefix.to_vec();
        let alias = if alias == "self" { prefix.last().cloned().unwrap_or_default() } else { alias };
        if name != "self" || prefix.is_empty() {
            path.push(name.to_owned());
        }
        (path, alias)
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, leaves);
            prefix.pop();
        }
        UseTree::Name(name) => leaves.push(leaf(prefix, &name.ident.to_string(), name.ident.to_string())),
        UseTree::Rename(name) => leaves.push(leaf(prefix, &name.ident.to_string(), name.rename.to_string())),
        UseTree::Glob(_) => leaves.push((prefix.clone(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, leaves)),
    }
}

/// A written path from the crate's root or from another crate's; nothing for a name that is local.
fn absolute(
    written: &[String],
    place: &[String],
    aliases: &BTreeMap<String, Vec<String>>,
) -> Option<Vec<String>> {
    let first = written.first()?;
    let own = |up: usize| {
        let depth = place.len().checked_sub(up)?;
        Some([&["crate".to_owned()], &place[..depth]].concat())
    };
    let mut rest = &written[1..];
    let base = match first.as_str() {
        // The binary names its own library.
        "crate" | "$crate" | "vouchsafe" => vec!["crate".to_owned()],
        "self" => own(0)?,
        "super" => {
            let more = rest.iter().take_while(|segment| *segment == "super").count();
            rest = &rest[more..];
            own(1 + more)?
        }
        "::" => Vec::new(),
        _ => match aliases.get(first) {
            Some(target) => target.clone(),
            None => vec![first.clone()],
        },
    };
    Some([&base[..], rest].concat())
}

struct Names<'a> {
    module: &'a mut Module,
    aliases: BTreeMap<String, Vec<String>>,
}

impl Names<'_> {
    fn name(&mut self, written: &[String]) {
        if let Some(path) = absolute(written, &self.module.place, &self.aliases) {
            self.module.names.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !only_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !only_for_tests(&item.attrs) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    /// A `use` inside a function: read like a path, its names are not followed further.
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, _) in &leaves {
            self.name(path);
        }
    }

    /// `pub(in crate::web)` says who may see, not what is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.name(&written);
        syn::visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.args.is_empty() {
            self.module.asks.insert(call.method.to_string());
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.module.texts.push(text.value());
    }

    /// The inside of a macro call is no syntax yet: every run of words joined by `::` is taken for a path, every literal for a text.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string();
        self.module.texts.extend(text.split('"').skip(1).step_by(2).map(str::to_owned));
        let glued = text.replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::").replace("$ ", "$");
        let separate = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
        for run in glued.split(separate).filter(|run| run.contains("::")) {
            let written: Vec<String> =
                run.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            self.name(&written);
        }
        self.visit_path(&call.path);
    }

    /// Documentation names whatever helps the reader; links are no imports.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect()
}
