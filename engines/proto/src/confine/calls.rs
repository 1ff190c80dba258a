//! System calls that no engine makes, refused by seccomp with EPERM: programs, processes, namespaces, sockets, and calls
//! with a large attack surface. Others are allowed, because libraries and drivers change the calls that they make.

use std::collections::BTreeMap;

use anyhow::Context;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::Drivers;

/// Refused whatever their arguments.
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_setns,
    libc::SYS_unshare,
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    // The kernel.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // io_uring requests would bypass this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Starting programs and processes; not refused with drivers that run compilers.
const PROGRAMS: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// Installs the filters for the calling thread and those that it starts; this also sets `no_new_privs`.
pub(super) fn confine(drivers: Drivers) -> anyhow::Result<()> {
    let architecture: TargetArch = std::env::consts::ARCH.try_into().context("seccomp")?;
    let refusals = compiled(refusals(drivers)?, libc::EPERM, architecture)?;
    // The flags of clone3 are in memory, where no filter sees them; on ENOSYS libraries fall back to clone.
    let clone3 = compiled(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS, architecture)?;
    seccompiler::apply_filter(&clone3).context("seccomp")?;
    seccompiler::apply_filter(&refusals).context("seccomp")
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn compiled(rules: Rules, errno: i32, architecture: TargetArch) -> anyhow::Result<BpfProgram> {
    let refused = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture).context("seccomp")?;
    filter.try_into().context("seccomp")
}

fn refusals(drivers: Drivers) -> anyhow::Result<Rules> {
    let mut rules: Rules = REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    // Drivers talk to their daemons by Unix sockets; an engine only accepts from its listening socket, already open.
    rules.insert(
        libc::SYS_socket,
        if drivers == Drivers::None { Vec::new() } else { vec![argument(SeccompCmpOp::Ne, libc::AF_UNIX)?] },
    );
    // ROCm's compilers run as separate programs.
    if drivers == Drivers::Rocm {
        let namespaces = [
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWNS,
            libc::CLONE_NEWNET,
            libc::CLONE_NEWPID,
            libc::CLONE_NEWIPC,
            libc::CLONE_NEWUTS,
            libc::CLONE_NEWCGROUP,
        ];
        let rule = |flag: i32| argument(SeccompCmpOp::MaskedEq(mask(flag)), flag);
        rules.insert(libc::SYS_clone, namespaces.into_iter().map(rule).collect::<anyhow::Result<_>>()?);
    } else {
        rules.extend(PROGRAMS.iter().map(|&call| (call, Vec::new())));
        // Allow threads, refuse processes.
        let process = argument(SeccompCmpOp::MaskedEq(mask(libc::CLONE_THREAD)), 0)?;
        rules.insert(libc::SYS_clone, vec![process]);
    }
    #[cfg(target_arch = "x86_64")]
    add_x32(&mut rules);
    Ok(rules)
}

/// A rule that matches on the call's first argument.
fn argument(operator: SeccompCmpOp, value: i32) -> anyhow::Result<SeccompRule> {
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, mask(value))?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn mask(flag: i32) -> u64 {
    u64::from(flag.cast_unsigned())
}

/// Adds the same calls under their x32 numbers: that ABI reports the same architecture as x86-64.
#[cfg(target_arch = "x86_64")]
fn add_x32(rules: &mut Rules) {
    const X32: i64 = 0x4000_0000;
    /// Numbers specific to x32, including execve and ptrace.
    const OWN: std::ops::RangeInclusive<i64> = 512..=547;
    let others: Vec<i64> = rules.keys().copied().chain(OWN).chain([libc::SYS_clone3]).collect();
    rules.extend(others.into_iter().map(|call| (call | X32, Vec::new())));
}
