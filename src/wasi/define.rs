//! Defines the WASI functions that a module imports.

use super::{
    clock, environment,
    errno::{Errno, Refusal},
    fd, poll, process,
};
#[cfg(feature = "files")]
use crate::wasi::files;
use crate::{
    common::{
        failure::Failure,
        value::{Import, Signature},
    },
    engine::{
        link::Provided,
        run_loop::{charge, charge_call, guarded},
        store_data::StoreData,
        values::func_type,
    },
    module::wasi_version::WasiVersion,
    wasi::answer::{Answer, CALL_FUEL},
};
use wasmi::{Caller, FuncType, Linker, Val};

/// Runs a WASI function for a guest: charges fuel for the call and turns its result into an errno.
fn enter(
    caller: &mut Caller<'_, StoreData>,
    function: impl FnOnce(&mut Caller<'_, StoreData>) -> Answer,
) -> Result<i32, wasmi::Error> {
    guarded(|| {
        charge_call(caller, CALL_FUEL)?;
        errno(function(caller)).map(Errno::code)
    })
}

/// The same for a function that depends on nothing but the call so far, and changes nothing but the
/// call's own state: where the same call begins again, it does the same.
fn enter_repeatable(
    caller: &mut Caller<'_, StoreData>,
    function: impl FnOnce(&mut Caller<'_, StoreData>) -> Answer,
) -> Result<i32, wasmi::Error> {
    guarded(|| {
        charge(caller, CALL_FUEL)?;
        let errno = errno(function(caller))?;
        // Others may tell how large the memory is, and it may be larger there.
        if errno != Errno::SUCCESS && errno != Errno::BADF {
            caller.data_mut().limiter.set_seen();
        }
        Ok(errno.code())
    })
}

fn errno(answer: Answer) -> Result<Errno, Failure> {
    match answer {
        Ok(()) => Ok(Errno::SUCCESS),
        Err(Refusal::Errno(errno)) => Ok(errno),
        Err(Refusal::Stop(failure)) => Err(failure),
    }
}

macro_rules! functions {
    ($linker:ident, $module:ident, $wanted:ident, $fits:expr, $enter:ident; $(
        fn $name:ident($($param:ident: $ty:ty),*) = $body:expr;
    )*) => {
        match $wanted {
            $(stringify!($name) => {
                let ty = FuncType::new([$(<$ty as Typed>::TYPE),*], [wasmi::ValType::I32]);
                if !$fits(&ty) {
                    return None;
                }
                let defined = $linker.func_wrap(
                    $module,
                    $wanted,
                    move |mut caller: Caller<'_, StoreData>, $($param: $ty),*| {
                        $enter(&mut caller, |caller| $body(caller, $($param),*))
                    },
                );
                defined.map(|_| ty)
            })*
            _ => return None,
        }
    };
}

/// The WebAssembly type of a parameter.
trait Typed {
    const TYPE: wasmi::ValType;
}

impl Typed for u32 {
    const TYPE: wasmi::ValType = wasmi::ValType::I32;
}

impl Typed for u64 {
    const TYPE: wasmi::ValType = wasmi::ValType::I64;
}

/// Defines a function that a module imports from WASI. Functions that are not supported become
/// stubs.
pub(crate) fn provide(
    linker: &mut Linker<StoreData>,
    import: &Import,
    wanted: &Signature,
) -> Provided {
    let (module, name) = (&*import.module, &*import.name);
    let Some(version) = WasiVersion::of(module) else {
        return Provided::Unknown;
    };
    let defined =
        define_repeatable(linker, module, name).or_else(|| define(linker, version, module, name));
    if let Some(defined) = defined {
        return Provided::Function(defined);
    }
    // A function on files that is declared with another type stays a stub, as it is without files.
    #[cfg(feature = "files")]
    if let Some(ty) = func_type(wanted)
        && let Some(defined) = define_preopened(linker, module, name, &ty)
            .or_else(|| define_files(linker, version, module, name, &ty))
    {
        return Provided::Function(defined);
    }
    // A function with other results has no place for an errno.
    let is_wasi = |ty: &FuncType| {
        let numbers = wanted.params().iter().all(|ty| ty.is_number());
        numbers && matches!(ty.results(), [] | [wasmi::ValType::I32])
    };
    match func_type(wanted).filter(is_wasi) {
        Some(ty) => {
            let stub = define_stub(linker, module, name, ty.clone());
            Provided::Function(stub.map(|()| ty))
        }
        None => Provided::Refused("no function of WASI has such a type"),
    }
}

/// Defines the function with this name, unless it is to be a stub. Returns its type.
fn define(
    linker: &mut Linker<StoreData>,
    version: WasiVersion,
    module: &str,
    name: &str,
) -> Option<Result<FuncType, wasmi::Error>> {
    if name == "proc_exit" {
        let defined = linker.func_wrap(
            module,
            name,
            |mut caller: Caller<'_, StoreData>, code: u32| {
                guarded(|| process::proc_exit(&mut caller, code))
            },
        );
        return Some(
            defined
                .map(|_| FuncType::new([wasmi::ValType::I32], []))
                .map_err(Into::into),
        );
    }
    let defined = functions! {
        linker, module, name, |_| true, enter;
        fn clock_res_get(id: u32, resolution: u32) = clock::clock_res_get;
        fn clock_time_get(id: u32, precision: u64, time: u32) = clock::clock_time_get;
        fn sched_yield() = process::sched_yield;
        fn fd_close(fd: u32) = fd::fd_close;
        fn fd_fdstat_set_flags(fd: u32, flags: u32) = fd::fd_fdstat_set_flags;
        fn fd_filestat_get(fd: u32, stat: u32) =
            |caller: &mut Caller<'_, StoreData>, fd, stat| fd::fd_filestat_get(caller, version, fd, stat);
        fn fd_write(fd: u32, iovs: u32, count: u32, written: u32) = fd::fd_write;
        fn fd_seek(fd: u32, offset: u64, whence: u32, position: u32) =
            |caller: &mut Caller<'_, StoreData>, fd, offset, whence, position| {
                fd::fd_seek(caller, version, fd, offset, whence, position)
            };
        fn fd_tell(fd: u32, position: u32) = fd::fd_tell;
        fn poll_oneoff(input: u32, output: u32, count: u32, ready: u32) =
            |caller: &mut Caller<'_, StoreData>, input, output, count, ready| {
                poll::poll_oneoff(caller, version, input, output, count, ready)
            };
    };
    Some(defined.map_err(Into::into))
}

/// Defines the function with this name, if it is one that can be repeated. Returns its type. Those
/// on files and on real random numbers say themselves that they cannot.
fn define_repeatable(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
) -> Option<Result<FuncType, wasmi::Error>> {
    let defined = functions! {
        linker, module, name, |_| true, enter_repeatable;
        fn args_get(list: u32, bytes: u32) = environment::args_get;
        fn args_sizes_get(count: u32, size: u32) = environment::args_sizes_get;
        fn environ_get(list: u32, bytes: u32) = environment::environ_get;
        fn environ_sizes_get(count: u32, size: u32) = environment::environ_sizes_get;
        fn random_get(buffer: u32, length: u32) = process::random_get;
        fn fd_fdstat_get(fd: u32, stat: u32) = fd::fd_fdstat_get;
        fn fd_read(fd: u32, iovs: u32, count: u32, read: u32) = fd::fd_read;
    };
    Some(defined.map_err(Into::into))
}

/// Defines the function on preopened directories with this name and type. Returns its type.
#[cfg(feature = "files")]
fn define_preopened(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
    wanted: &FuncType,
) -> Option<Result<FuncType, wasmi::Error>> {
    let defined = functions! {
        linker, module, name, |ty: &FuncType| ty == wanted, enter_repeatable;
        fn fd_prestat_get(fd: u32, prestat: u32) = files::fd_prestat_get;
        fn fd_prestat_dir_name(fd: u32, path: u32, length: u32) = files::fd_prestat_dir_name;
    };
    Some(defined.map_err(Into::into))
}

/// Defines the function on files with this name and type. Returns its type.
#[cfg(feature = "files")]
fn define_files(
    linker: &mut Linker<StoreData>,
    version: WasiVersion,
    module: &str,
    name: &str,
    wanted: &FuncType,
) -> Option<Result<FuncType, wasmi::Error>> {
    let defined = functions! {
        linker, module, name, |ty: &FuncType| ty == wanted, enter;
        fn fd_advise(fd: u32, offset: u64, length: u64, advice: u32) = files::fd_advise;
        fn fd_allocate(fd: u32, offset: u64, length: u64) = files::fd_allocate;
        fn fd_datasync(fd: u32) = files::fd_datasync;
        fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) = files::fd_fdstat_set_rights;
        fn fd_filestat_set_size(fd: u32, size: u64) = files::fd_filestat_set_size;
        fn fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32) =
            files::fd_filestat_set_times;
        fn fd_pread(fd: u32, iovs: u32, count: u32, offset: u64, read: u32) = files::fd_pread;
        fn fd_pwrite(fd: u32, iovs: u32, count: u32, offset: u64, written: u32) = files::fd_pwrite;
        fn fd_readdir(fd: u32, buffer: u32, length: u32, cookie: u64, used: u32) =
            files::fd_readdir;
        fn fd_renumber(from: u32, to: u32) = files::fd_renumber;
        fn fd_sync(fd: u32) = files::fd_sync;
        fn path_create_directory(fd: u32, path: u32, length: u32) = files::path_create_directory;
        fn path_filestat_get(fd: u32, lookup: u32, path: u32, length: u32, stat: u32) =
            |caller: &mut Caller<'_, StoreData>, fd, lookup, path, length, stat| {
                files::path_filestat_get(caller, version, fd, lookup, path, length, stat)
            };
        fn path_filestat_set_times(
            fd: u32, lookup: u32, path: u32, length: u32, accessed: u64, modified: u64, flags: u32
        ) = files::path_filestat_set_times;
        fn path_link(
            fd: u32, lookup: u32, path: u32, length: u32, to_fd: u32, to: u32, to_length: u32
        ) = files::path_link;
        fn path_open(
            fd: u32, lookup: u32, path: u32, length: u32, how: u32, base: u64, inheriting: u64,
            flags: u32, opened: u32
        ) = files::path_open;
        fn path_readlink(
            fd: u32, path: u32, length: u32, buffer: u32, buffer_length: u32, used: u32
        ) = files::path_readlink;
        fn path_remove_directory(fd: u32, path: u32, length: u32) = files::path_remove_directory;
        fn path_rename(
            fd: u32, path: u32, length: u32, to_fd: u32, to: u32, to_length: u32
        ) = files::path_rename;
        fn path_symlink(
            target: u32, target_length: u32, fd: u32, path: u32, length: u32
        ) = files::path_symlink;
        fn path_unlink_file(fd: u32, path: u32, length: u32) = files::path_unlink_file;
    };
    Some(defined.map_err(Into::into))
}

/// Defines a stub, which only returns an errno. Its type is the one that the module declares. It does
/// the same where the same call begins again, and therefore nothing of the call is seen by it.
fn define_stub(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
    ty: FuncType,
) -> Result<(), wasmi::Error> {
    // Functions on file descriptors must return `EBADF`: guests probe for preopened directories
    // until they get it, and abort on any other errno.
    let about_files =
        name.starts_with("fd_") || name.starts_with("path_") || name.starts_with("sock_");
    let sockets = name.starts_with("sock_");
    linker.func_new(module, name, ty, move |mut caller, params, results| {
        guarded(|| {
            charge(&mut caller, CALL_FUEL)?;
            let mut is_open = |fd: &Val| {
                fd.i32()
                    .is_some_and(|fd| fd::is_open(&mut caller, fd.cast_unsigned()))
            };
            let errno = match params.first() {
                Some(fd) if sockets && is_open(fd) => Errno::NOTSOCK,
                _ if about_files => Errno::BADF,
                _ => Errno::NOSYS,
            };
            if let [result] = results {
                *result = Val::I32(errno.code());
            }
            Ok(())
        })
    })?;
    Ok(())
}
