//! The test application as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Longer than anything these tests wait for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running app, which ends with its handle.
pub(crate) struct AppProcess {
    child: Child,
    /// Where the app answers.
    pub(crate) address: SocketAddr,
}

impl AppProcess {
    /// Starts the app on a free port and waits until it listens.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let mut child = command(environment).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening = line.strip_prefix("listening on 0.0.0.0:").unwrap();
        let (port, _) = listening.split_once(':').unwrap();
        Self { child, address: (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into() }
    }

    /// Asks the app over a new connection; the answer is its status and its body.
    pub(crate) async fn ask(&self, method_and_path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method_and_path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head["HTTP/1.1 ".len()..][..3].parse().unwrap(), body.to_owned())
    }

    /// Waits until the app counts no connection of a client.
    pub(crate) async fn wait_until_nobody_is_connected(&self) {
        let waiting = async {
            while self.ask("GET /connections").await.1 != r#"{"open":0}"# {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("somebody is still connected");
    }

    /// Asks the app to stop, as Kubernetes does.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Ends the app at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for the app to end.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.code();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("the app does not end")
    }
}

impl Drop for AppProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an app that does not start; gives its exit code and what it says on stderr.
pub(crate) fn refused(environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(environment).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn command(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bluegreen-test-app"));
    command.env_clear().env("PORT", "0").envs(environment.iter().copied());
    command
}
