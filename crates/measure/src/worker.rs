//! The load worker: another process, so that measuring shares nothing with what starts things.

use std::path::PathBuf;
use std::process::Stdio;

use gearshift_gear::RunId;
use gearshift_load::{Job, Outcome};
use gearshift_sandbox::apart;
use tokio::io::AsyncWriteExt;

/// How load workers are started.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Reads a job as JSON on standard input and writes its outcome as JSON.
    pub command: Vec<PathBuf>,
    pub run: RunId,
    /// Cores it runs on; empty: all.
    pub cores: Vec<usize>,
}

/// A load worker that did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the load worker could not run: {0} → gearshift doctor")]
    Process(#[from] std::io::Error),
    #[error("the load worker failed: {0}")]
    Failed(String),
    #[error("the load worker's answer is not an outcome: {0}")]
    Answer(#[from] serde_json::Error),
}

impl Worker {
    /// Carries out one job. Dropping the future ends the worker.
    pub async fn run(&self, job: &Job) -> Result<Outcome, WorkerError> {
        let (program, arguments) = self.command.split_first().expect("a command has a program");
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        apart(&mut command, &self.run, "", &self.cores);
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut input = child.stdin.take().expect("piped");
        input.write_all(&serde_json::to_vec(job)?).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(WorkerError::Failed(format!("{}: {}", output.status, said.trim())));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
