use super::{Path, PathError};

#[test]
fn an_ordinary_path_is_itself() {
    let path = Path::parse("/a/b.c/~d?x=/../y;z").expect("path");
    assert_eq!((path.raw(), path.canonical(), path.query()), ("/a/b.c/~d", "/a/b.c/~d", Some("x=/../y;z")));
    assert!(!path.differs());
    assert_eq!(path.readings().collect::<Vec<_>>(), ["/a/b.c/~d"]);
}

#[test]
fn no_path_means_the_root() {
    assert_eq!(Path::parse("").map(|p| p.path_and_query().to_owned()).as_deref(), Ok("/"));
    assert_eq!(Path::parse("?a").map(|p| p.path_and_query().to_owned()).as_deref(), Ok("/?a"));
    assert_eq!(Path::parse("a"), Err(PathError::NotAbsolute));
}
