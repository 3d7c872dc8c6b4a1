//! The files below a folder, for the examples.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Every file below `folder`, by path; of a file that file alone.
pub(crate) fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    walk(folder, &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.is_file() {
        paths.push(folder.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        walk(&entry?.path(), paths)?;
    }
    Ok(())
}
