//! What a GPU's drivers read and write besides the engine's own files. Taken from their documentation; we have not run it.
//!
//! `no_new_privs` keeps `nvidia-modprobe` from creating device nodes: they must exist before an engine starts, as they do
//! once `nvidia-smi` has run or a container runtime has passed them in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Drivers, Surroundings};

/// Paths by the access that they get.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) read: Vec<PathBuf>,
    pub(super) devices: Vec<PathBuf>,
    /// Caches of compiled kernels, and shared memory. Created if missing.
    pub(super) write: Vec<PathBuf>,
    pub(super) programs: Vec<PathBuf>,
}

impl Places {
    /// The paths that these drivers need.
    pub(super) fn of(drivers: Drivers, surroundings: &Surroundings) -> Self {
        let mut places = Self::default();
        if drivers == Drivers::None {
            return places;
        }
        let home = folder(&surroundings.home);
        // The bus and its devices.
        places.read(&["/sys/bus", "/sys/class", "/sys/devices", "/sys/module", "/sys/dev", "/proc/devices"]);
        places.read(&["/run/opengl-driver", "/opt"]);
        places.write.push("/dev/shm".into());
        if matches!(drivers, Drivers::Cuda | Drivers::Vulkan) {
            places.read(&["/proc/driver/nvidia", "/proc/modules", "/usr/local/cuda", "/etc/nvidia"]);
            places.devices.extend(nodes("nvidia"));
            let cache = folder(&surroundings.cuda_cache_path).or_else(|| Some(home.as_ref()?.join(".nv")));
            places.write.extend(cache);
        }
        if matches!(drivers, Drivers::Rocm | Drivers::Vulkan) {
            places.read(&["/usr/share/libdrm", "/opt/amdgpu", "/opt/rocm"]);
            places.devices.extend([PathBuf::from("/dev/dri"), PathBuf::from("/dev/kfd")]);
        }
        let cache = folder(&surroundings.cache_home).or_else(|| Some(home?.join(".cache")));
        let caches: &[&str] = match drivers {
            Drivers::Rocm => &["comgr", "miopen", "migraphx", "hip"],
            Drivers::Vulkan => {
                places.read(&["/etc/vulkan", "/usr/share/vulkan", "/usr/share/drirc.d", "/etc/drirc"]);
                &["mesa_shader_cache", "mesa_shader_cache_db", "radv_builtin_shaders", "nvidia"]
            }
            _ => &[],
        };
        places.write.extend(cache.iter().flat_map(|cache| caches.iter().map(|name| cache.join(name))));
        if drivers == Drivers::Rocm {
            // MIGraphX has its kernels compiled by a ROCm program, in a temporary folder.
            places.programs(&["/opt/rocm", "/lib", "/lib64", "/usr/lib", "/usr/lib64"]);
            places.write.push(std::env::temp_dir());
        }
        for folder in &places.write {
            // On failure the driver works without a cache.
            _ = std::fs::create_dir_all(folder);
        }
        places
    }

    fn read(&mut self, paths: &[&str]) {
        self.read.extend(paths.iter().map(PathBuf::from));
    }

    fn programs(&mut self, paths: &[&str]) {
        self.programs.extend(paths.iter().map(PathBuf::from));
    }
}

/// Device nodes whose names begin with `prefix`.
fn nodes(prefix: &str) -> Vec<PathBuf> {
    let Ok(devices) = Path::new("/dev").read_dir() else { return Vec::new() };
    let named = devices.flatten().filter(|node| node.file_name().to_string_lossy().starts_with(prefix));
    named.map(|node| node.path()).collect()
}

/// A folder as the drivers interpret it: a relative path is ignored.
fn folder(named: &Option<OsString>) -> Option<PathBuf> {
    named.as_ref().map(PathBuf::from).filter(|path| path.is_absolute())
}
