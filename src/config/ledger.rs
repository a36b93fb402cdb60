//! While settling: where each value came from, and what is wrong so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    complaint::{Complaint, Complaints, Place},
    source::{Part, Source, parent},
};

/// Who had the last word on a key. Later ones win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Default,
    File,
    Environment,
    Flag,
}

/// The book of origins and complaints.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    source: Source,
    /// The folder that relative paths in the file start from.
    base: PathBuf,
    /// Keys whose value does not come from the file or the defaults.
    overridden: BTreeMap<String, (Layer, Place)>,
    written: BTreeSet<String>,
    /// Keys that were refused while reading and stand at their default since.
    stand_ins: BTreeSet<String>,
    complaints: Vec<Complaint>,
    warnings: Vec<Complaint>,
}

impl Ledger {
    pub(crate) fn new(source: Source, base: PathBuf, written: impl IntoIterator<Item = String>) -> Self {
        Self { source, base, written: written.into_iter().collect(), ..Self::default() }
    }

    /// Notes that a key's value comes from a variable or an option.
    pub(crate) fn overridden(&mut self, key: &str, layer: Layer, place: Place) {
        self.overridden.insert(key.to_owned(), (layer, place));
    }

    /// Who had the last word on this key.
    pub(crate) fn layer(&self, key: &str) -> Layer {
        match self.outsider(key) {
            Some((layer, _)) => *layer,
            None if self.written.contains(key) => Layer::File,
            None => Layer::Default,
        }
    }

    /// The variable or option that set this key, or the list or table it is in.
    fn outsider(&self, key: &str) -> Option<&(Layer, Place)> {
        let mut path = key;
        loop {
            match self.overridden.get(path) {
                Some(found) => return Some(found),
                None => path = parent(path)?,
            }
        }
    }

    /// A relative path in the file starts from the file's folder, so that the file means the same
    /// wherever the command is typed; one from a variable or an option starts from the working directory.
    pub(crate) fn path(&self, key: &str, text: &str) -> PathBuf {
        match self.layer(key) {
            Layer::Environment | Layer::Flag => PathBuf::from(text),
            Layer::Default | Layer::File => self.base.join(Path::new(text)),
        }
    }

    /// A complaint about the value of a key.
    pub(crate) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.complain(key, Part::Value, message.into(), None);
    }

    /// The same with what to do about it.
    pub(crate) fn refuse_with(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.complain(key, Part::Value, message.into(), Some(hint.into()));
    }

    /// A complaint about the key itself.
    pub(crate) fn refuse_key(&mut self, key: &str, message: impl Into<String>, hint: Option<String>) {
        self.complain(key, Part::Key, message.into(), hint);
    }

    /// A value at `path` cannot be read, so the key `taken` (itself, or the list it is in) is left at its default.
    pub(crate) fn refuse_shape(&mut self, path: &str, taken: &str, message: String, hint: Option<String>) {
        self.complain(path, Part::Value, message, hint);
        self.stand_ins.insert(taken.to_owned());
    }

    /// A complaint that has its own place already.
    pub(crate) fn add(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// Something unwise that is nevertheless accepted.
    pub(crate) fn warn(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let warning = self.about(key, Part::Value, message.into(), Some(hint.into()));
        self.warnings.push(warning);
    }

    fn complain(&mut self, key: &str, part: Part, message: String, hint: Option<String>) {
        // What follows from a stand-in is not the reader's fault.
        if !self.is_refused(key) {
            let complaint = self.about(key, part, message, hint);
            self.complaints.push(complaint);
        }
    }

    /// Whether there was a complaint about this key, or about an element of its list.
    pub(crate) fn is_refused(&self, key: &str) -> bool {
        let is_same = |earlier: &str| {
            earlier.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        self.stand_ins.contains(key) || self.complaints.iter().any(|earlier| is_same(&earlier.key))
    }

    fn about(&self, key: &str, part: Part, message: String, hint: Option<String>) -> Complaint {
        let (place, excerpt) = match self.outsider(key) {
            Some((_, place)) => (place.clone(), None),
            None => self.source.place(key, part),
        };
        Complaint { place, key: key.to_owned(), message, hint, excerpt }
    }

    /// How many complaints there are so far.
    pub(crate) fn count(&self) -> usize {
        self.complaints.len()
    }

    /// The settings and the warnings, or everything that is wrong.
    pub(crate) fn close<T>(self, settled: Option<T>) -> Result<(T, Vec<Complaint>), Complaints> {
        match settled {
            Some(settled) if self.complaints.is_empty() => Ok((settled, self.warnings)),
            _ => Err(Complaints::new(self.complaints)),
        }
    }
}
