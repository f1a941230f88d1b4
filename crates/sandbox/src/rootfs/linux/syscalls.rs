//! System calls that a container's process is refused, as the filter of seccomp(2).
//!
//! What Docker's default profile keeps back (source: docs.docker.com/engine/security/seccomp), as a list of
//! what is refused: a program that asks for anything else runs as it does outside.

use std::collections::BTreeMap;
use std::io;

use nix::errno::Errno;
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

/// Refused whatever they are asked: they change the machine, its kernel, its clock or who sees what, or
/// look into other processes.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Requests of ptrace(2) that begin to follow another process; a process may still offer itself.
const FOLLOWED: [libc::c_uint; 2] = [libc::PTRACE_ATTACH, libc::PTRACE_SEIZE];

/// Flags of clone(2) that make a namespace, in its first argument.
const NAMESPACES: [libc::c_int; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWTIME,
];

/// A program for the kernel that decides for each system call.
pub(super) struct Filter(BpfProgram);

/// The filter for this architecture; none where `seccompiler` does not know it.
pub(super) fn filter() -> io::Result<Option<Filter>> {
    let Ok(architecture) = std::env::consts::ARCH.try_into() else { return Ok(None) };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let has = |flag: u64, operator| {
        let first = SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, flag);
        SeccompRule::new(vec![first.map_err(io::Error::other)?]).map_err(io::Error::other)
    };
    let follows = FOLLOWED.iter().map(|request| has(u64::from(*request), SeccompCmpOp::Eq));
    rules.insert(libc::SYS_ptrace, follows.collect::<io::Result<_>>()?);
    let flags = NAMESPACES.iter().map(|flag| u64::from(*flag as u32));
    let makes = flags.map(|flag| has(flag, SeccompCmpOp::MaskedEq(flag)));
    rules.insert(libc::SYS_clone, makes.collect::<io::Result<_>>()?);
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture);
    let program: BpfProgram =
        filter.and_then(TryInto::try_into).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Some(Filter([first().as_slice(), &program].concat())))
}

/// What the crate cannot say, before its own program. clone3(2) has its flags in memory, where no filter
/// sees them: told that it is unknown, C libraries take clone(2). On x86-64 a second set of numbers
/// (x32, from 0x4000_0000 on) means the same calls.
fn first() -> Vec<sock_filter> {
    let line = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let at_least = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let error = |number: i32| libc::SECCOMP_RET_ERRNO | number as u32;
    // The number of the call is the first field of seccomp_data.
    let mut lines = vec![line(load, 0, 0, 0)];
    if cfg!(target_arch = "x86_64") {
        lines.push(line(at_least, 0, 1, 0x4000_0000));
        lines.push(line(answer, 0, 0, error(libc::EPERM)));
    }
    lines.push(line(equal, 0, 1, libc::SYS_clone3 as u32));
    lines.push(line(answer, 0, 0, error(libc::ENOSYS)));
    lines
}

impl Filter {
    /// From here on, for this process and all it starts. It needs `no_new_privs`.
    pub(super) fn apply(&self) -> nix::Result<()> {
        #[repr(C)]
        struct Program {
            length: u16,
            lines: *const sock_filter,
        }
        let program = Program { length: self.0.len() as u16, lines: self.0.as_ptr() };
        // As container runtimes do: the slower mitigation that a filter brought on kernels before 5.16 is
        // not asked for.
        let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        // SAFETY: a program that lives until the kernel has copied it.
        let set = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
        Errno::result(set).map(drop)
    }
}
