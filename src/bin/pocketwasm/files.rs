//! The guest's files: the options that say which there are.

use crate::{failure::Failure, units::bytes};
use clap::Args;
use pocketwasm::{
    Files, Outcome, RunnerConfig,
    files::{self, HostAccess, ImportLimits},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Which files a guest sees; without any of these options it sees no files.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The guest's files")]
pub(crate) struct FileOptions {
    /// Give the guest a copy in memory of what is in SOURCE, a .tar, .tar.gz or .zip or a directory,
    /// below the path GUEST [default: /]; repeatable. What the guest writes changes the copy only
    #[arg(long, value_name = "SOURCE[:GUEST]", value_parser = mapping)]
    pub(crate) files: Vec<Mapping>,
    /// Give the guest a copy in memory of one file, at the path GUEST [default: / and the file's
    /// name]; repeatable
    #[arg(long, value_name = "FILE[:GUEST]", value_parser = mapping)]
    pub(crate) file: Vec<Mapping>,
    /// Let the guest read and write the directory HOST itself, at the path GUEST [default: HOST], or
    /// only read it with :ro; repeatable. Answers are then no longer reproducible
    #[arg(long, value_name = "HOST[:GUEST[:ro]]", value_parser = directory)]
    pub(crate) dir: Vec<Mapping>,
    /// Give the guest an empty directory /tmp in memory
    #[arg(long)]
    pub(crate) tmp: bool,
    #[command(flatten)]
    bounds: ImportBounds,
}

/// The limits on archives and directories that are read into memory.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits on the guest's files")]
pub(crate) struct ImportBounds {
    /// The bytes of all files in an archive, or in a directory that is copied
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes, hide_short_help = true, alias = "max-import-bytes")]
    pub(crate) max_import: usize,
    /// Its files, directories and links
    #[arg(
        long,
        value_name = "N",
        default_value_t = 65_536,
        hide_short_help = true
    )]
    max_import_entries: u32,
    /// How deep its directories nest
    #[arg(long, value_name = "N", default_value_t = 128, hide_short_help = true)]
    max_import_depth: u32,
}

impl ImportBounds {
    pub(crate) fn limits(&self) -> ImportLimits {
        ImportLimits::new()
            .max_bytes(self.max_import as u64)
            .max_entries(self.max_import_entries)
            .max_depth(self.max_import_depth)
    }
}

/// The files of a guest, wherever they were asked for.
#[derive(Debug, Default)]
pub(crate) struct FileSources {
    files: Vec<Mapping>,
    file: Vec<Mapping>,
    dir: Vec<Mapping>,
    tmp: bool,
}

/// What of this machine a guest sees, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    host: PathBuf,
    guest: Option<String>,
    read_only: bool,
}

/// Splits `HOST:GUEST` at the last colon.
pub(crate) fn mapping(text: &str) -> Result<Mapping, String> {
    let (host, guest) = match text.rsplit_once(':') {
        // `C:\data` is one path.
        Some((drive, rest)) if cfg!(windows) && drive.len() == 1 && rest.starts_with('\\') => {
            (text, None)
        }
        Some((_, "")) => return Err("after the colon belongs a path of the guest".to_owned()),
        Some((host, guest)) => (host, Some(guest)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err("before the colon belongs a path of this machine".to_owned());
    }
    if let Some(guest) = guest
        && guest.split('/').any(|name| name == "..")
    {
        return Err("a path of the guest has no `..`".to_owned());
    }
    Ok(Mapping {
        host: host.into(),
        guest: guest.map(str::to_owned),
        read_only: false,
    })
}

/// Splits `HOST:GUEST:ro`.
pub(crate) fn directory(text: &str) -> Result<Mapping, String> {
    let (text, read_only) = match (text.strip_suffix(":ro"), text.strip_suffix(":rw")) {
        (Some(text), _) => (text, true),
        (None, Some(text)) => (text, false),
        (None, None) => (text, false),
    };
    Ok(Mapping {
        read_only,
        ..mapping(text)?
    })
}

impl Mapping {
    /// The path of the guest without slashes at its ends; empty for the root.
    fn below(&self, default: &str) -> String {
        let guest = self.guest.as_deref().unwrap_or(default);
        let names: Vec<&str> = guest
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        names.join("/")
    }

    /// The guest's path for a directory that is named by its path on this machine only.
    fn same(&self) -> Result<String, Failure> {
        let host = self.host.to_str();
        match host.filter(|host| self.guest.is_some() || !host.split('/').any(|name| name == ".."))
        {
            Some(host) => Ok(self.below(host)),
            None => Err(Failure::Usage(format!(
                "--dir {:?} needs the path that the guest sees: --dir HOST:GUEST",
                self.host
            ))),
        }
    }
}

impl FileOptions {
    /// The files, if the guest sees any.
    pub(crate) fn open(&self) -> Result<Option<Files>, Failure> {
        let sources = FileSources {
            files: self.files.clone(),
            file: self.file.clone(),
            dir: self.dir.clone(),
            tmp: self.tmp,
        };
        match sources.is_empty() {
            true => Ok(None),
            false => sources.open(&self.bounds).map(Some),
        }
    }

    /// The settings with these files, if there are any.
    pub(crate) fn set(&self, config: RunnerConfig) -> Result<RunnerConfig, Failure> {
        match self.open()? {
            Some(files) => Ok(config.files(&files)),
            None => Ok(config),
        }
    }
}

impl FileSources {
    /// Parses the keys of a configuration file, which are the options' names.
    #[cfg(feature = "gateway")]
    pub(crate) fn parse(
        files: &[String],
        file: &[String],
        dir: &[String],
        tmp: bool,
    ) -> Result<Self, String> {
        type Parser = fn(&str) -> Result<Mapping, String>;
        let parsed = |name: &str, texts: &[String], parser: Parser| {
            let mappings = texts.iter().map(|text| {
                parser(text).map_err(|problem| format!("`{name}`: {text:?}: {problem}"))
            });
            mappings.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            files: parsed("files", files, mapping)?,
            file: parsed("file", file, mapping)?,
            dir: parsed("dir", dir, directory)?,
            tmp,
        })
    }

    /// Whether the guest sees no files.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.file.is_empty() && self.dir.is_empty() && !self.tmp
    }

    /// Reads what is to be copied, and opens what is to be mounted.
    pub(crate) fn open(&self, bounds: &ImportBounds) -> Result<Files, Failure> {
        let mut tree = Files::new();
        // The paths in memory that the guest must find open by themselves if its root is another.
        let mut places = Vec::new();
        for source in &self.files {
            let at = source.below("/");
            tree = tree.tree(&at, &import(&source.host, bounds)?);
            places.push(at);
        }
        for file in &self.file {
            let name = file.host.file_name().unwrap_or_default().to_string_lossy();
            let at = match &file.guest {
                Some(guest) if guest.ends_with('/') => format!("{}/{name}", file.below("/")),
                _ => file.below(&name),
            };
            if at.is_empty() {
                return Err(Failure::Usage(format!(
                    "--file {:?} needs a path with a name for the guest: --file FILE:/data/{name}",
                    file.host
                )));
            }
            tree = tree.file(&at, read(&file.host, bounds)?);
            let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
            places.push(folder.to_owned());
        }
        if self.tmp {
            tree = tree.dir("tmp");
            places.push("tmp".to_owned());
        }
        let mut root = None;
        for directory in &self.dir {
            let host = &directory.host;
            match fs::metadata(host) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => {
                    let failure = cannot_open(host, io::ErrorKind::NotADirectory.into());
                    let file = host.display();
                    let hint = format!("`--file {file}:/path` gives the guest a copy of one file");
                    return Err(failure.with_hint(hint));
                }
                Err(error) => {
                    let failure = cannot_open(host, error);
                    return Err(crate::mistakes::no_directory(host, failure));
                }
            }
            let access = match directory.read_only {
                true => HostAccess::ReadOnly,
                false => HostAccess::ReadWrite,
            };
            let at = directory.same()?;
            if !at.is_empty() {
                tree = tree.host_dir(&at, host, access);
                places.push(at);
            } else if root.replace((host, access)).is_some() {
                let problem = "only one --dir can be the guest's root; give the others a path: \
                               --dir HOST:GUEST";
                return Err(Failure::Usage(problem.to_owned()));
            }
        }
        let Some((host, access)) = root else {
            return Ok(tree);
        };
        // A mounted directory cannot be the root of the tree in memory. The guest finds it open as
        // `/`, and everything else under its own path.
        tree = tree.host_dir(ROOT, host, access).preopen(ROOT, "/");
        places.sort_unstable();
        places.dedup();
        for place in places {
            if place.is_empty() {
                let problem = "--dir gives the guest its root, and --files or --file does too; \
                               give one of them a path: --files SOURCE:GUEST";
                return Err(Failure::Usage(problem.to_owned()));
            }
            tree = tree.preopen(&place, &format!("/{place}"));
        }
        Ok(tree)
    }
}

/// Where the tree has the directory that the guest sees as its root. No preopen leads to the name.
const ROOT: &str = ".root";

fn cannot_open(path: &Path, source: io::Error) -> Failure {
    let shown = path.to_string_lossy();
    Failure::Io {
        action: format!("cannot open {shown:?}"),
        source,
    }
}

/// Reads an archive or a directory into memory.
fn import(path: &Path, bounds: &ImportBounds) -> Result<Files, Failure> {
    let limits = bounds.limits();
    let found = fs::metadata(path).map_err(|error| cannot_open(path, error))?;
    if found.is_dir() {
        return Ok(Files::from_dir(path, &limits)?);
    }
    let bytes = read(path, bounds)?;
    let named = |error: pocketwasm::Error| Failure::Archive {
        path: path.to_string_lossy().into_owned(),
        error,
    };
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    let extension = path.extension().unwrap_or_default();
    if bytes.starts_with(b"PK") {
        Files::from_zip(&bytes, &limits).map_err(named)
    } else if is_tar || bytes.starts_with(b"\x1f\x8b") || extension == "tar" {
        Files::from_tar(&bytes, &limits).map_err(named)
    } else {
        let failure = Failure::Usage(format!(
            "{:?} is no .tar, .tar.gz or .zip, and no directory",
            path.to_string_lossy()
        ));
        Err(failure.with_hint(format!("{} a copy of it", instead(&bytes, path))))
    }
}

/// What works for a file that is no archive that can be read.
fn instead(bytes: &[u8], path: &Path) -> String {
    let shown = path.display();
    let unpacked = |program: &str| format!("`{program} -dk {shown}` makes");
    if bytes.starts_with(b"\xfd7zXZ") {
        unpacked("xz")
    } else if bytes.starts_with(b"(\xb5/\xfd") {
        unpacked("zstd")
    } else if bytes.starts_with(b"BZh") {
        unpacked("bzip2")
    } else {
        format!("`--file {shown}:/path` gives the guest")
    }
}

/// Reads a file within the limit.
fn read(path: &Path, bounds: &ImportBounds) -> Result<Vec<u8>, Failure> {
    let failed = |error| cannot_open(path, error);
    let found = fs::metadata(path).map_err(failed)?;
    if found.is_dir() {
        let failure = failed(io::ErrorKind::IsADirectory.into());
        let shown = path.display();
        let hint = format!("`--files {shown}:/path` gives the guest a copy of a directory");
        return Err(failure.with_hint(hint));
    }
    let most = bounds.max_import as u64;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(failed)?;
    match bytes.len() as u64 > most {
        false => Ok(bytes),
        true => Err(Failure::TooLarge(format!(
            "{:?} has more bytes than --max-import, {most}",
            path.to_string_lossy()
        ))),
    }
}

/// Writes what a guest has written to a directory.
pub(crate) fn save(outcome: &Outcome, directory: &Path) -> Result<(), Failure> {
    files::save(outcome.files(), directory)?;
    Ok(())
}
