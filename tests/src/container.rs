//! The container as it is deployed: the image that `scripts/image --profile dev` built, run by podman and runc with a read-only root, no
//! capabilities, and one folder of this machine for its state.
//!
//! Of this machine it needs podman with runc, and to be root. Where that can't be, tests fail with advice rather than pass without having looked;
//! `OFFTRAIL_WITHOUT_CONTAINER=1` leaves them out.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    binary::{Ran, json},
    neighbours::root,
};

/// Where the image keeps its state.
pub const STATE: &str = "/var/lib/offtrail";
/// podman on a machine that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long `podman stop` waits before it kills: longer than the ten seconds that are promised, so that a miss is seen.
const STOP_SECS: &str = "30";
const POLL: Duration = Duration::from_millis(20);

/// The image.
#[derive(Debug, Clone)]
pub struct Image {
    id: String,
}

impl Image {
    /// The image that was built last; `None`, said aloud, where containers are left out on purpose.
    ///
    /// # Panics
    /// It was not built.
    #[must_use]
    pub fn built() -> Option<Self> {
        if std::env::var_os("OFFTRAIL_WITHOUT_CONTAINER").is_some_and(|set| set == "1") {
            eprintln!("skipped: OFFTRAIL_WITHOUT_CONTAINER=1");
            return None;
        }
        let file = root().join("target/image/dev/id");
        let id = fs::read_to_string(&file).unwrap_or_else(|error| {
            panic!(
                "no image, {}: {error}; run scripts/install container and scripts/image --profile dev (as root, on Linux), \
                 or set OFFTRAIL_WITHOUT_CONTAINER=1",
                file.display()
            )
        });
        Some(Self {
            id: id.trim().trim_start_matches("sha256:").to_owned(),
        })
    }

    /// What podman knows of it.
    ///
    /// # Panics
    /// It is gone.
    #[must_use]
    pub fn inspect(&self) -> Value {
        json(&podman(&["image", "inspect", &self.id]))[0].take()
    }

    /// A command line in a container, its state in this folder.
    #[must_use]
    pub fn command(&self, state: &Path) -> Contained {
        Contained {
            image: self.clone(),
            state: state.to_owned(),
            environment: Vec::new(),
            options: Vec::new(),
        }
    }
}

/// A container, not yet run.
#[derive(Debug, Clone)]
pub struct Contained {
    image: Image,
    state: PathBuf,
    environment: Vec<(String, String)>,
    options: Vec<String>,
}

impl Contained {
    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With more options of podman's.
    #[must_use]
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    fn podman(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        // Limits that this machine may grant: the defaults of podman ask for more than a container in a container has. The host's network, so
        // that servers of the tests can stay on loopback.
        command
            .args(["--runtime", "runc", "run", "--rm"])
            .args([
                "--ulimit",
                "nofile=1024:1024",
                "--ulimit",
                "nproc=1024:1024",
            ])
            .args([
                "--network",
                "host",
                "--read-only",
                "--read-only-tmpfs=false",
            ])
            .args(["--cap-drop", "all", "--security-opt", "no-new-privileges"])
            .arg("--volume")
            .arg(format!("{}:{STATE}:U", self.state.display()))
            .args(["--env", "AWS_EC2_METADATA_DISABLED=true"])
            .args(&self.options);
        for (name, value) in &self.environment {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command.arg(&self.image.id).args(arguments);
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// podman can't be run, or the program panicked.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.podman(arguments);
        let output = command.stdin(Stdio::null()).output().expect(ADVICE);
        let ran = Ran {
            line: format!("{command:?}"),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ran.stderr.contains("panicked at"), "{ran:#?}");
        // podman's own failure, not that of what it ran.
        assert!(ran.code != Some(125), "{ADVICE}: {ran:#?}");
        ran
    }

    /// Starts it and leaves it running, its standard error at the end of a file.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn start(&self, arguments: &[&str], log: &Path) -> Container {
        let pid_file = log.with_extension("pid");
        let _ = fs::remove_file(&pid_file);
        let id_file = log.with_extension("cid");
        let _ = fs::remove_file(&id_file);
        let with_pid = self
            .clone()
            .option(&format!("--pidfile={}", pid_file.display()))
            .option(&format!("--cidfile={}", id_file.display()));
        let append = File::options().create(true).append(true).open(log).unwrap();
        let child = with_pid
            .podman(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(append)
            .spawn()
            .expect(ADVICE);
        let mut container = Container {
            child,
            pid: 0,
            id_file,
            log: log.to_owned(),
        };
        container.pid = container.until("its process id", START_TIMEOUT, |_| {
            fs::read_to_string(&pid_file).ok()?.trim().parse().ok()
        });
        container
    }
}

const ADVICE: &str = "podman with runc runs here (scripts/install container, as root), or OFFTRAIL_WITHOUT_CONTAINER=1 is set";

/// A running container; killed by its process id when dropped.
#[derive(Debug)]
pub struct Container {
    child: Child,
    pid: u32,
    id_file: PathBuf,
    log: PathBuf,
}

impl Container {
    /// What it said so far, and what those before it said that had the same file.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// What the kernel says of its process: `/proc/<pid>/status`.
    ///
    /// # Panics
    /// It ended.
    #[must_use]
    pub fn status(&mut self) -> String {
        let file = format!("/proc/{}/status", self.pid);
        // Until then it is runc that prepares what is to become the container.
        self.until("its program", START_TIMEOUT, |_| {
            let status = fs::read_to_string(&file).ok()?;
            status.starts_with("Name:\tofftrail\n").then_some(status)
        })
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Looks again and again until `seen` finds it.
    ///
    /// # Panics
    /// It takes longer than `within`, or the container ends first.
    pub fn until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut seen: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = seen(self) {
                return found;
            }
            let ended = self.ended();
            assert!(
                ended.is_none(),
                "ended ({ended:?}) before {what}: {}",
                self.log()
            );
            assert!(
                begun.elapsed() < within,
                "no {what} within {within:?}: {}",
                self.log()
            );
            thread::sleep(POLL);
        }
    }

    /// kill -9 on its one process, wherever it is; waits until the container is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// `podman stop`: SIGTERM, and SIGKILL when that leads to nothing. The exit code, and how long it took.
    ///
    /// # Panics
    /// podman fails.
    #[must_use]
    pub fn stop(mut self) -> (Option<i32>, Duration) {
        let id = fs::read_to_string(&self.id_file).unwrap();
        let begun = Instant::now();
        podman(&["--runtime", "runc", "stop", "--time", STOP_SECS, id.trim()]);
        let took = begun.elapsed();
        (self.child.wait().unwrap().code(), took)
    }

    fn end(&mut self) {
        if self.ended().is_none() && self.pid != 0 {
            let killed = Command::new("kill")
                .args(["-KILL", &self.pid.to_string()])
                .status();
            assert!(killed.is_ok(), "{killed:?}");
        }
        // podman itself ends once its container has; where it never came to have one, it is ended.
        if self.pid == 0 {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end();
    }
}

/// The standard output of a command of podman's, which must succeed.
fn podman(arguments: &[&str]) -> String {
    let output = Command::new("podman")
        .args(arguments)
        .output()
        .expect(ADVICE);
    assert!(output.status.success(), "podman {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
