#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::fs::{self, File};
use std::io::ErrorKind::PermissionDenied;
use std::io::{Error, Result};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Drivers, Needs, Surroundings, calls, files};

/// A folder with one file that the confined thread may read and one that it may not.
struct Scene {
    folder: PathBuf,
    listener: TcpListener,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("visavis-confine-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("model"), "weights").unwrap();
        fs::write(folder.join("private"), "a diary").unwrap();
        Self { folder, listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn needs(&self) -> Needs {
        Needs { read: vec![self.folder.join("model")], drivers: Drivers::None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs `body` on a separate thread, because confinement cannot be undone.
fn on_a_thread(body: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(body).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn denied<T>(what: &str, outcome: Result<T>) {
    match outcome {
        Ok(_) => panic!("{what} was not refused"),
        Err(error) => assert_eq!(error.kind(), PermissionDenied, "{what}: {error}"),
    }
}

/// Replaces the process by another program; returns only on error.
fn execute() -> Error {
    Command::new("/bin/true").exec()
}

fn has_landlock(outcome: anyhow::Result<()>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) => {
            let why = format!("{error:#}");
            assert!(why.contains("no Landlock"), "{why}");
            eprintln!("SKIPPED: {why}");
            false
        }
    }
}

#[test]
fn landlock_allows_an_engine_its_own_files_only() {
    let scene = Scene::new("landlock");
    on_a_thread(|| {
        if !has_landlock(files::confine(&scene.needs(), &Surroundings::default())) {
            return;
        }
        assert_eq!(fs::read_to_string(scene.path("model")).unwrap(), "weights");
        assert!(!fs::read_dir("/sys/devices/system/cpu").unwrap().collect::<Vec<_>>().is_empty());
        denied("a private file", File::open(scene.path("private")));
        denied("a list of files", fs::read_dir(&scene.folder));
        denied("the user's folder", fs::read_dir("/root"));
        denied("a password", File::open("/etc/passwd"));
        denied("writing its model", File::options().append(true).open(scene.path("model")));
        denied("a new file", File::create(scene.path("new")));
        denied("a new folder", fs::create_dir(scene.path("folder")));
        denied("removing", fs::remove_file(scene.path("model")));
        denied("a program", Err::<(), _>(execute()));
        denied("a connection", TcpStream::connect(scene.listener.local_addr().unwrap()));
        denied("a port", TcpListener::bind("127.0.0.1:0"));
    });
}

#[test]
fn seccomp_refuses_programs_processes_and_sockets_but_allows_threads() {
    let scene = Scene::new("seccomp");
    let socket = UnixListener::bind(scene.path("socket")).unwrap();
    let there = UnixStream::connect(scene.path("socket")).unwrap();
    on_a_thread(|| {
        calls::confine(Drivers::None).unwrap();
        denied("a program", Err::<(), _>(execute()));
        denied("a process", Command::new("/bin/true").status());
        denied("TCP", TcpStream::connect(scene.listener.local_addr().unwrap()));
        denied("UDP", UdpSocket::bind("127.0.0.1:0"));
        denied("another's socket", UnixStream::connect(scene.path("socket")));
        for call in [libc::SYS_ptrace, libc::SYS_unshare, libc::SYS_bpf, libc::SYS_io_uring_setup] {
            // SAFETY: a call without pointers, which the filter refuses before the kernel looks at its arguments.
            assert_eq!(unsafe { libc::syscall(call, 0, 0, 0, 0) }, -1);
            denied(&format!("call {call}"), Err::<(), _>(Error::last_os_error()));
        }
        // What engines need still works.
        assert_eq!(std::thread::spawn(|| 6 * 7).join().unwrap(), 42);
        socket.accept().unwrap();
        UnixStream::pair().unwrap();
        assert_eq!(fs::read_to_string(scene.path("model")).unwrap(), "weights");
    });
    drop(there);
}

#[test]
fn drivers_get_unix_sockets_but_no_network() {
    let scene = Scene::new("drivers");
    let _daemon = UnixListener::bind(scene.path("socket")).unwrap();
    on_a_thread(|| {
        calls::confine(Drivers::Cuda).unwrap();
        UnixStream::connect(scene.path("socket")).unwrap();
        denied("TCP", TcpStream::connect(scene.listener.local_addr().unwrap()));
        denied("a program", Err::<(), _>(execute()));
    });
    on_a_thread(|| {
        calls::confine(Drivers::Rocm).unwrap();
        assert!(Command::new("/bin/true").status().unwrap().success(), "its compiler runs");
        // SAFETY: a call without pointers.
        assert_eq!(unsafe { libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER) }, -1);
    });
}

#[test]
fn confinement_sets_no_new_privs_filters_and_the_core_limit() {
    let scene = Scene::new("status");
    on_a_thread(|| {
        super::confine(&scene.needs(), &Surroundings::default());
        // Not `/proc/self`, which is the process: only this thread is confined.
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
        let limits = fs::read_to_string("/proc/thread-self/limits").unwrap();
        let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(cores.split_whitespace().nth(4), Some("0"), "{cores}");
        assert!(File::open(Path::new("/proc/self/status")).is_ok());
    });
}
