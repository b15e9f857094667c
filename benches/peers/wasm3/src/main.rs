//! wasm3 by its C interface. What it has of WASI is as much as wasmi gets here.

use common::{Guest, Live, Loaded, Peer, Raw, Result, Work, wasi};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    ffi::{CStr, CString, c_char, c_int, c_void},
    process::ExitCode,
    ptr::{null, null_mut},
    slice,
};

/// What wasm3 gives out points to something of its own.
type Handle = *mut c_void;
/// Why it failed, or null.
type Said = *const c_char;
type HostFunction = unsafe extern "C" fn(Handle, *const Context, *mut u64, *mut c_void) -> Said;

/// What a host function is told of its call.
#[repr(C)]
struct Context {
    /// As given when it was linked.
    name: *const &'static str,
    function: Handle,
}

unsafe extern "C" {
    fn m3_NewEnvironment() -> Handle;
    fn m3_FreeEnvironment(environment: Handle);
    fn m3_NewRuntime(environment: Handle, stack_bytes: u32, user: *mut c_void) -> Handle;
    fn m3_FreeRuntime(runtime: Handle);
    fn m3_ParseModule(env: Handle, module: *mut Handle, bytes: *const u8, length: u32) -> Said;
    fn m3_LoadModule(runtime: Handle, module: Handle) -> Said;
    fn m3_LinkRawFunctionEx(
        module: Handle,
        from: *const c_char,
        name: *const c_char,
        signature: *const c_char,
        function: HostFunction,
        user: *const c_void,
    ) -> Said;
    fn m3_FindFunction(function: *mut Handle, runtime: Handle, name: *const c_char) -> Said;
    fn m3_GetRetCount(function: Handle) -> u32;
    fn m3_Call(function: Handle, count: u32, params: *const *const i32) -> Said;
    fn m3_GetResults(function: Handle, count: u32, results: *const *mut i64) -> Said;
    fn m3_GetRetType(function: Handle, index: u32) -> c_int;
    fn m3_GetMemory(runtime: Handle, bytes: *mut u32, index: u32) -> *mut u8;
}

const STACK_BYTES: u32 = 1 << 20;
/// `c_m3Type_i32`.
const I32: c_int = 1;
/// The guests' imports, because wasm3 does not tell a module's.
const IMPORTS: [&str; 23] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "host_call",
    "host_get_timezone_offset",
    "host_interrupt",
    "host_module_load",
    "host_module_normalize",
    "host_promise_rejection",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

fn fine(said: Said) -> Result<()> {
    if said.is_null() {
        return Ok(());
    }
    // SAFETY: wasm3's texts are C strings that live as long as the program.
    let said = unsafe { CStr::from_ptr(said) };
    Err(said.to_string_lossy().into())
}

/// The memory of a runtime, for as long as nothing runs in it.
fn memory<'a>(runtime: Handle) -> &'a mut [u8] {
    let mut length = 0;
    // SAFETY: the runtime lives, and all callers let go of the memory before they let a guest run.
    unsafe {
        match m3_GetMemory(runtime, &mut length, 0) {
            memory if memory.is_null() => &mut [],
            memory => slice::from_raw_parts_mut(memory, length as usize),
        }
    }
}

fn put(runtime: Handle, at: usize, bytes: &[u8]) -> Option<()> {
    let target = memory(runtime).get_mut(at..at.checked_add(bytes.len())?)?;
    target.copy_from_slice(bytes);
    Some(())
}

/// All that the guests import: the results lie on the stack before the parameters.
unsafe extern "C" fn host(
    runtime: Handle,
    context: *const Context,
    stack: *mut u64,
    _: *mut c_void,
) -> Said {
    // SAFETY: wasm3 gives a context, and a stack with room for results and parameters, none of
    // which has more than ten; the name is one of `IMPORTS`.
    let (name, result, stack) = unsafe {
        let context = &*context;
        let results = m3_GetRetCount(context.function) as usize;
        (
            *context.name,
            results == 1,
            slice::from_raw_parts_mut(stack, 11),
        )
    };
    let (first, params) = stack.split_at_mut(usize::from(result));
    let at = |position: usize| params[position] as u32 as usize;
    let Ok(errno) = wasi(name, at, |at, bytes| {
        let _ = put(runtime, at, bytes);
        Ok::<_, Infallible>(())
    });
    if let [first] = first {
        *first = errno.into();
    }
    null()
}

struct Wasm3;

impl Peer for Wasm3 {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(Ready {
            // SAFETY: no conditions.
            environment: unsafe { m3_NewEnvironment() },
            bytes: bytes.into(),
            set_up: guest.set_up,
        }))
    }
}

struct Ready {
    environment: Handle,
    /// A parsed module goes into one runtime, so each instance parses it.
    bytes: Box<[u8]>,
    set_up: Option<&'static str>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        // SAFETY: no runtime outlives it.
        unsafe { m3_FreeEnvironment(self.environment) }
    }
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live + '_>> {
        // SAFETY: the environment lives.
        let runtime = unsafe { m3_NewRuntime(self.environment, STACK_BYTES, null_mut()) };
        let mut one = One {
            runtime,
            funcs: BTreeMap::new(),
        };
        let mut module = null_mut();
        let length = u32::try_from(self.bytes.len())?;
        // SAFETY: environment and runtime live, and so do the bytes for as long as the module.
        unsafe {
            let bytes = self.bytes.as_ptr();
            fine(m3_ParseModule(self.environment, &mut module, bytes, length))?;
            fine(m3_LoadModule(runtime, module))?;
        }
        for name in &IMPORTS {
            let text = CString::new(*name)?;
            // SAFETY: the module lives, and the name for as long as the program. It fails for
            // what the module does not import.
            unsafe {
                m3_LinkRawFunctionEx(
                    module,
                    c"*".as_ptr(),
                    text.as_ptr(),
                    null(),
                    host,
                    (&raw const *name).cast(),
                );
            }
        }
        one.set_up(self.set_up)?;
        Ok(Box::new(one))
    }
}

struct One {
    runtime: Handle,
    funcs: BTreeMap<&'static str, Handle>,
}

impl Drop for One {
    fn drop(&mut self) {
        // SAFETY: it is nobody else's.
        unsafe { m3_FreeRuntime(self.runtime) }
    }
}

impl One {
    fn find(&self, export: &str) -> Result<Handle> {
        let export = CString::new(export)?;
        let mut func = null_mut();
        // SAFETY: the runtime lives.
        fine(unsafe { m3_FindFunction(&mut func, self.runtime, export.as_ptr()) })?;
        Ok(func)
    }
}

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        self.work(work)
    }
}

impl Raw for One {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64> {
        let func = match self.funcs.get(export) {
            Some(known) => *known,
            None => {
                let found = self.find(export)?;
                self.funcs.insert(export, found);
                found
            }
        };
        let mut pointers = [null(); 4];
        for (pointer, param) in pointers.iter_mut().zip(params) {
            *pointer = param;
        }
        let mut result = 0i64;
        // SAFETY: the function lives as long as its runtime; wasm3 checks the number of
        // parameters, all of them `i32`, and the result has room for either integer.
        unsafe {
            fine(m3_Call(
                func,
                u32::try_from(params.len())?,
                pointers.as_ptr(),
            ))?;
            if m3_GetRetCount(func) == 1 {
                fine(m3_GetResults(func, 1, &(&raw mut result)))?;
                if m3_GetRetType(func, 0) == I32 {
                    result = (result as i32).into();
                }
            }
        }
        Ok(result)
    }

    fn has(&mut self, export: &'static str) -> bool {
        // One that does not compile is there all the same, and tells why when it is called.
        match self.find(export) {
            Ok(_) => true,
            Err(said) => said.to_string() != "function lookup failed",
        }
    }

    fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>> {
        let bytes = memory(self.runtime).get(at..at.saturating_add(length));
        Ok(bytes.ok_or("outside the memory")?.to_vec())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        put(self.runtime, at, bytes).ok_or_else(|| "outside the memory".into())
    }
}

fn main() -> ExitCode {
    common::main(|_| Ok(Box::new(Wasm3)))
}
