//! Apache Spark on this machine: a master and workers of its standalone mode, on free ports of loopback, from the workspace's Python environment.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::neighbours::root;

/// A Java machine starts slowly where others work too.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Where pyspark lies.
#[derive(Debug)]
struct Spark {
    home: PathBuf,
    python: PathBuf,
}

/// A running cluster, ended by its process ids when dropped.
#[derive(Debug)]
pub struct Cluster {
    spark: Spark,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    url: String,
    master: Child,
    workers: Vec<Child>,
}

/// What a job left behind.
#[derive(Debug)]
pub struct Job {
    /// How it ended.
    pub status: ExitStatus,
    /// What the driver wrote, its standard error among it.
    pub stdout: String,
    /// Spark's talk.
    pub stderr: String,
}

fn found() -> Option<Spark> {
    let venv = root().join(".venv");
    let python = venv.join("bin/python");
    let mut versions: Vec<_> = fs::read_dir(venv.join("lib"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/pyspark")))
        .filter(|home| home.join("bin/spark-class").exists())
        .collect();
    versions.sort();
    let home = versions.pop()?;
    let java = Command::new("java")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    java.ok()?.success().then_some(Spark { home, python })
}

impl Cluster {
    /// Starts a master and so many workers of one core; `None`, said aloud, where there is no Spark or no Java. `folder` is for their files.
    ///
    /// # Panics
    /// They do not start in time.
    #[must_use]
    pub fn start(workers: usize, folder: &Path, environment: &[(&str, String)]) -> Option<Self> {
        let Some(spark) = found() else {
            eprintln!("skipped: no Spark and Java (scripts/install tests)");
            return None;
        };
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let mut master = command(&spark, folder, &environment)
            .arg("org.apache.spark.deploy.master.Master")
            .args(["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"])
            .spawn()
            .unwrap();
        let said = said(&mut master, "Starting Spark master at ");
        let mut cluster = Self {
            spark,
            folder: folder.to_owned(),
            environment,
            url: String::new(),
            master,
            workers: Vec::new(),
        };
        cluster.url = said.recv_timeout(START_TIMEOUT).unwrap();
        let mut registered = Vec::new();
        for number in 0..workers {
            let work = folder.join(format!("worker-{number}"));
            let mut worker = command(&cluster.spark, folder, &cluster.environment)
                .arg("org.apache.spark.deploy.worker.Worker")
                .args(["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"])
                .args(["--cores", "1", "--memory", "1g", "--work-dir"])
                .args([work.as_os_str(), cluster.url.as_ref()])
                .spawn()
                .unwrap();
            registered.push(self::said(
                &mut worker,
                "Successfully registered with master",
            ));
            cluster.workers.push(worker);
        }
        for registered in registered {
            registered.recv_timeout(START_TIMEOUT).unwrap();
        }
        Some(cluster)
    }

    /// Runs a driver to its end. With `kill_first_worker_at`, the first worker is killed (SIGKILL) as soon as Spark says this.
    ///
    /// # Panics
    /// It can't be started.
    pub fn submit(&mut self, arguments: &[&Path], kill_first_worker_at: Option<&str>) -> Job {
        let mut driver = command(&self.spark, &self.folder, &self.environment)
            .arg("org.apache.spark.deploy.SparkSubmit")
            .args(["--master", &self.url])
            .args(["--conf", "spark.ui.enabled=false"])
            .args(["--conf", "spark.driver.host=127.0.0.1"])
            .args(["--conf", "spark.executor.memory=512m"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = driver.stdout.take().unwrap();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let mut stderr = String::new();
        let mut kill_at = kill_first_worker_at;
        for line in BufReader::new(driver.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if kill_at.is_some_and(|sign| line.contains(sign)) {
                kill_at = None;
                end(&mut self.workers[0]);
            }
            stderr += &line;
            stderr.push('\n');
        }
        assert!(kill_at.is_none(), "no worker was killed: {stderr}");
        Job {
            status: driver.wait().unwrap(),
            stdout: reader.join().unwrap(),
            stderr,
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(end);
        end(&mut self.master);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A program of Spark's, which the script that starts it becomes.
fn command(spark: &Spark, folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(spark.home.join("bin/spark-class"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("SPARK_") {
            command.env_remove(name);
        }
    }
    command
        .env("SPARK_HOME", &spark.home)
        .env("PYSPARK_PYTHON", &spark.python)
        .env("PYSPARK_DRIVER_PYTHON", &spark.python)
        .env("SPARK_LOCAL_IP", "127.0.0.1")
        .env("SPARK_LOCAL_DIRS", folder)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// What follows `sign` in the first line with it; goes on reading to the end, lest the talk fills the pipe.
fn said(child: &mut Child, sign: &'static str) -> mpsc::Receiver<String> {
    let talk = BufReader::new(child.stderr.take().unwrap());
    let (told, waits) = mpsc::channel();
    thread::spawn(move || {
        for line in talk.lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(sign) {
                let _ = told.send(rest.trim().to_owned());
            }
        }
    });
    waits
}
