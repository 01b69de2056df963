//! Names as steps of a JSON pointer.

/// A name as a step: `a/b` is `a~1b`.
pub(super) fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A step as the name that it stands for.
pub(super) fn name(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
