//! nginx with the RTMP module: the server that our client talks to, and the control experiment.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{peer, process::Process, wait_within};

/// nginx, serving the application `live`.
#[derive(Debug)]
pub struct Nginx {
    /// The process.
    pub process: Process,
    address: SocketAddr,
    _folder: TempDir,
}

/// The module's file.
pub fn module() -> Option<PathBuf> {
    [
        "/usr/lib/nginx/modules",
        "/usr/lib64/nginx/modules",
        "/usr/local/libexec/nginx",
    ]
    .into_iter()
    .map(|folder| Path::new(folder).join("ngx_rtmp_module.so"))
    .find(|file| file.is_file())
}

impl Nginx {
    /// Starts it on a free port; `directives` are added to the application.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(directives: &str) -> Self {
        let module = module().expect("the test has asked for it");
        let module = format!("load_module {};", module.display());
        Self::run(&module, |address| {
            format!(
                "rtmp {{ server {{ listen {address}; application live {{ live on; {directives} }} }} }}"
            )
        })
    }

    /// Starts it as a proxy for HTTP, as they stand in offices: it takes requests for any server, and passes them on anew.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn http_proxy() -> Self {
        Self::run("", |address| {
            format!(
                "http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; \
                 uwsgi_temp_path uwsgi; scgi_temp_path scgi; \
                 server {{ listen {address}; client_max_body_size 8m; \
                 location / {{ proxy_pass http://$http_host$request_uri; }} }} }}"
            )
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    fn run(head: &str, body: impl Fn(SocketAddr) -> String) -> Self {
        // nginx takes no port 0: another process may be quicker to take the one that was free.
        for _ in 0..5 {
            let folder = TempDir::new().expect("there is room for temporary files");
            let address = free_address();
            let here = folder.path().display();
            let conf = folder.path().join("nginx.conf");
            fs::write(
                &conf,
                format!(
                    "{head}\n\
                     daemon off; master_process off;\n\
                     error_log stderr info;\n\
                     pid {here}/nginx.pid;\n\
                     events {{ }}\n\
                     {}\n",
                    body(address)
                ),
            )
            .expect("there is room for temporary files");
            let mut process = Process::spawn(
                "nginx",
                Command::new(peer::find("nginx").expect("the test has asked for it"))
                    .arg("-p")
                    .arg(folder.path())
                    .arg("-c")
                    .arg(&conf)
                    .args(["-e", "stderr"]),
            );
            let up = wait_within(crate::PATIENCE, || {
                if process.exited().is_some() {
                    return Some(false);
                }
                TcpStream::connect(address).is_ok().then_some(true)
            });
            if up == Some(true) {
                return Self {
                    process,
                    address,
                    _folder: folder,
                };
            }
        }
        panic!("nginx does not start");
    }

    /// Waits until somebody plays a stream.
    ///
    /// # Panics
    ///
    /// When nobody does.
    pub fn wait_for_player(&self, name: &str) {
        self.process
            .stderr
            .wait_for(0, &[&format!("play: name='{name}'")]);
    }

    /// Waits until the publisher of a stream has gone and all that it sent is passed on, then ends, because
    /// nginx does not tell players that a stream is over.
    ///
    /// # Panics
    ///
    /// When the publisher stays.
    pub fn end_after(self, name: &str) {
        let line = self
            .process
            .stderr
            .wait_for(0, &[&format!("publish: name='{name}'")]);
        let mut words = line.split_whitespace();
        let connection = words.find(|word| word.starts_with('*')).expect("a number");
        self.end_after_line(&[&format!("{connection} deleteStream")]);
    }

    /// The same where nginx pulls the stream from elsewhere.
    ///
    /// # Panics
    ///
    /// When the stream goes on.
    pub fn end_after_pull(self) {
        self.end_after_line(&["deleteStream", "ngx-relay"]);
    }

    fn end_after_line(mut self, words: &[&str]) {
        self.process.stderr.wait_for(0, words);
        self.process.signal("TERM");
        self.process.wait();
    }

    /// The URL of a stream.
    pub fn url(&self, name: &str) -> String {
        format!("rtmp://{}/live/{name}", self.address)
    }
}

/// An address that nobody listens to just now.
pub fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("the kernel has a free port")
}
