//! Generates a module around the function bodies: its imports, its state, its exports, and the
//! calls of it.

use crate::{
    Options, Random,
    body::Body,
    declare, hosts, probes,
    tree::{
        Call, Data, Elements, Exported, Function, Import, Memory, Node, Place, Program, Signature,
        Table,
    },
    values,
};
use wasm_encoder::{Instruction, ValType};

/// What a body may use of its module.
pub(crate) struct Setting {
    pub(crate) options: Options,
    /// Those of all functions, the imported ones first.
    pub(crate) functions: Vec<Signature>,
    pub(crate) imports: u32,
    types: Vec<Signature>,
    pub(crate) memories: Vec<Memory>,
    pub(crate) tables: Vec<Table>,
    globals: Vec<(ValType, bool)>,
    /// The lengths of the passive segments, which come first.
    pub(crate) data: Vec<usize>,
    pub(crate) elements: Vec<usize>,
    /// The global that bounds how long everything takes.
    pub(crate) countdown: u32,
    pub(crate) referable: Vec<u32>,
    guarded: Vec<bool>,
    leaf: Vec<bool>,
    /// Functions from here on never come to the one that calls back.
    floor: u32,
    back: Option<u32>,
    slots: Vec<(u32, u32, u32)>,
}

impl Setting {
    pub(crate) fn signature(&self, function: u32) -> &Signature {
        &self.functions[function as usize]
    }

    pub(crate) fn type_index(&self, signature: &Signature) -> u32 {
        let found = self.types.iter().position(|it| it == signature);
        found.expect("types of functions are there") as u32
    }

    fn globals_where(&self, fits: impl Fn(ValType, bool) -> bool) -> Vec<u32> {
        let globals = (0..).zip(&self.globals);
        globals
            .filter(|(index, (ty, mutable))| *index != self.countdown && fits(*ty, *mutable))
            .map(|(index, _)| index)
            .collect()
    }

    pub(crate) fn globals_of(&self, ty: ValType) -> Vec<u32> {
        self.globals_where(|it, _| it == ty)
    }

    pub(crate) fn variables_of(&self, ty: ValType) -> Vec<u32> {
        self.globals_where(|it, mutable| it == ty && mutable)
    }

    pub(crate) fn import_of(&self, params: &[ValType], results: &[ValType]) -> Option<u32> {
        let imported = &self.functions[..self.imports as usize];
        let fits = |it: &Signature| it.params == params && it.results == results;
        let found = imported.iter().rposition(fits)? as u32;
        (Some(found) != self.back).then_some(found)
    }

    /// Whether the one may call the other without an end being put off for ever.
    pub(crate) fn may_call(&self, caller: u32, callee: u32) -> bool {
        if callee < self.imports {
            return self.back != Some(callee) || caller < self.floor && !self.leaf[caller as usize];
        }
        let back = self.guarded[callee as usize] && (callee >= self.floor || caller < self.floor);
        !self.leaf[caller as usize] && (callee > caller || back)
    }

    pub(crate) fn may_call_indirect(&self, caller: u32) -> bool {
        !self.leaf[caller as usize] && !self.slots.is_empty()
    }

    /// An element that holds a function at first: its table, its place, the function's type.
    pub(crate) fn slot(&self, random: &mut Random) -> Option<(u32, u32, Signature)> {
        if self.slots.is_empty() {
            return None;
        }
        let (table, slot, function) = *random.pick(&self.slots);
        Some((table, slot, self.signature(function).clone()))
    }

    pub(crate) fn slots_with(&self, results: &[ValType]) -> Vec<(u32, u32, Signature)> {
        let slots = self.slots.iter();
        let slots = slots.map(|(table, slot, function)| (*table, *slot, self.signature(*function)));
        let fitting = slots.filter(|(.., signature)| signature.results == results);
        fitting
            .map(|(table, slot, signature)| (table, slot, signature.clone()))
            .collect()
    }
}

impl Program {
    /// The program of a seed. The same seed and options give the same program.
    #[must_use]
    pub fn generate(seed: u64, options: Options) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let mut program = Self::default();
        declare::storage(&mut program, random, options);
        let (floor, back) = functions(&mut program, random, options);
        let setting = segments(&mut program, random, options, floor, back);
        let imports = setting.imports;
        for index in 0..program.functions.len() {
            let me = imports + index as u32;
            let signature = setting.signature(me).clone();
            let params = signature.params.len();
            let mut body = Body::new(&setting, Random::new(random.bits()), me, signature);
            let size = if random.chance(12) {
                0
            } else {
                random.within(2, 22)
            };
            body.write(size, setting.guarded[me as usize]);
            let function = &mut program.functions[index];
            function.locals = body.locals.split_off(params);
            function.body = body.out;
        }
        if random.chance(8) && !options.without.host_tail_calls {
            bare_calls(&mut program, random);
        }
        calls(&mut program, random);
        probes::add(&mut program, setting.countdown);
        program
    }
}

/// The functions without their bodies; where the ones begin that never call back, and the import
/// that does.
fn functions(program: &mut Program, random: &mut Random, options: Options) -> (u32, Option<u32>) {
    let names: Vec<String> = hosts::names().collect();
    let mut imported = Vec::new();
    if !program.memories.is_empty() {
        imported.push(hosts::SEEN.to_string());
    }
    if random.chance(50) {
        imported.push("_".to_string());
    }
    for _ in 0..random.within(1, 5) {
        imported.push(random.pick(&names).clone());
    }
    imported.push(["i_", "l_", "f_", "d_"][random.below(4)].to_string());
    let back = random.chance(25).then(|| {
        imported.push(hosts::BACK.to_string());
        imported.len() as u32 - 1
    });
    for name in imported {
        let ty = program.ty(&hosts::signature(&name));
        program.imports.push(Import { name, ty });
    }
    let count = random.within(2, 6);
    let exported = random.within(1, 2.min(count));
    for index in 0..count {
        let (takes, gives) = (values::few(random), values::few(random));
        let signature = if random.chance(15) {
            Signature::default()
        } else if index < exported || random.chance(50) {
            Signature {
                params: values::numbers(random, takes),
                results: values::numbers(random, gives),
            }
        } else {
            Signature {
                params: values::types(random, takes, options.simd),
                results: values::types(random, gives, options.simd),
            }
        };
        let ty = program.ty(&signature);
        program.functions.push(Function {
            ty,
            locals: Vec::new(),
            body: Vec::new(),
        });
    }
    let imports = program.imports.len() as u32;
    for index in 0..exported as u32 {
        program.export(format!("f{index}"), Exported::Function, imports + index);
    }
    if back.is_some() {
        let ty = program.ty(&hosts::signature(hosts::BACK));
        program.functions.push(Function {
            ty,
            locals: Vec::new(),
            body: Vec::new(),
        });
        let last = imports + program.functions.len() as u32 - 1;
        program.export(hosts::CALLED_BACK, Exported::Function, last);
    }
    (imports + (count as u32).div_ceil(2), back)
}

fn segments(
    program: &mut Program,
    random: &mut Random,
    options: Options,
    floor: u32,
    back: Option<u32>,
) -> Setting {
    let imports = program.imports.len() as u32;
    let all = imports + program.functions.len() as u32;
    let mut guarded: Vec<bool> = (0..all)
        .map(|it| it >= imports && random.chance(12))
        .collect();
    let leaf: Vec<bool> = (0..all)
        .map(|it| it > imports && random.chance(30))
        .collect();
    if back.is_some() {
        guarded[all as usize - 1] = true;
    }
    let functions: Vec<Signature> = (0..all).map(|it| program.signature(it).clone()).collect();
    let is_faulty = |it: u32| it < imports && functions[it as usize] == Signature::default();
    let referable: Vec<u32> = (0..all)
        .filter(|it| Some(*it) != back && (*it < imports || *it >= floor))
        .filter(|it| !(options.without.host_tail_calls && is_faulty(*it)))
        .filter(|_| random.chance(60))
        .collect();
    for function in &referable {
        guarded[*function as usize] |= *function >= imports && !leaf[*function as usize];
    }
    for global in &mut program.globals {
        if global.ty == ValType::FUNCREF && random.chance(50) && !referable.is_empty() {
            global.init = vec![Instruction::RefFunc(*random.pick(&referable))];
        }
    }
    let item = |random: &mut Random| {
        (random.chance(92) && !referable.is_empty()).then(|| *random.pick(&referable))
    };
    let (mut elements, mut slots) = (Vec::new(), Vec::new());
    for _ in 0..random.below(3) {
        let items: Vec<_> = (0..random.within(1, 5)).map(|_| item(random)).collect();
        elements.push(items.len());
        program.elements.push(Elements {
            place: Place::Passive,
            items,
            expressions: random.chance(50),
        });
    }
    for (index, table) in (0..).zip(&program.tables) {
        if table.ty != ValType::FUNCREF {
            continue;
        }
        let items: Vec<_> = (0..table.minimum).map(|_| item(random)).collect();
        slots.extend(
            (0..)
                .zip(&items)
                .filter_map(|(at, it)| Some((index, at, (*it)?))),
        );
        program.elements.push(Elements {
            place: Place::Active {
                index,
                offset: vec![Instruction::I32Const(0)],
            },
            items,
            expressions: random.chance(30),
        });
    }
    program.elements.push(Elements {
        place: Place::Declared,
        items: referable.iter().copied().map(Some).collect(),
        expressions: false,
    });
    let mut data = Vec::new();
    if !program.memories.is_empty() {
        for _ in 0..random.below(3) {
            let bytes: Vec<u8> = (0..random.within(1, 40))
                .map(|_| random.bits() as u8)
                .collect();
            data.push(bytes.len());
            program.data.push(Data {
                place: Place::Passive,
                bytes,
            });
        }
        for index in 0..program.memories.len() as u32 {
            let at = *random.pick(&[0, 0, 100, 65_500, 65_530]);
            program.data.push(Data {
                place: Place::Active {
                    index,
                    offset: vec![Instruction::I32Const(at)],
                },
                bytes: (0..random.within(6, 60))
                    .map(|_| random.bits() as u8)
                    .collect(),
            });
        }
        for data in program.data.iter_mut().skip(data.len()) {
            // At the end of a page where there is a second: else it must end in the first.
            if let Place::Active { offset, .. } = &mut data.place
                && random.chance(95)
                && let [Instruction::I32Const(at)] = &mut offset[..]
            {
                *at = (*at).min(65_536 - data.bytes.len() as i32);
            }
        }
    }
    Setting {
        options,
        functions,
        imports,
        types: program.types.clone(),
        memories: program.memories.clone(),
        tables: program.tables.clone(),
        globals: program
            .globals
            .iter()
            .map(|it| (it.ty, it.mutable))
            .collect(),
        data,
        elements,
        countdown: 0,
        referable,
        guarded,
        leaf,
        floor,
        back,
        slots,
    }
}

/// Adds functions without a slot of their own that tail-call the host, one from the other, if the
/// program imports what takes and leaves nothing.
fn bare_calls(program: &mut Program, random: &mut Random) {
    let Some(host) = program.imports.iter().position(|it| it.name == "_") else {
        return;
    };
    let nothing = program.ty(&Signature::default());
    let mut callee = host as u32;
    for _ in 0..random.within(1, 2) {
        let index = program.imports.len() + program.functions.len();
        program.functions.push(Function {
            ty: nothing,
            locals: Vec::new(),
            body: vec![Node::Op(Instruction::ReturnCall(callee))],
        });
        callee = index as u32;
    }
    let results = values::numbers(random, 3);
    let ty = program.ty(&Signature {
        params: Vec::new(),
        results: results.clone(),
    });
    let mut body = Vec::new();
    for _ in 0..random.within(1, 2) {
        body.push(Node::Op(Instruction::Call(callee)));
    }
    for ty in results {
        body.push(Node::Op(match ty {
            ValType::I32 => Instruction::I32Const(values::int(random)),
            ValType::I64 => Instruction::I64Const(values::long(random)),
            ValType::F32 => Instruction::F32Const(values::float(random).into()),
            _ => Instruction::F64Const(values::double(random).into()),
        }));
    }
    let locals = vec![ValType::I64; usize::from(random.chance(20))];
    program.functions.push(Function { ty, locals, body });
    let last = program.imports.len() + program.functions.len() - 1;
    program.export("f8", Exported::Function, last as u32);
}

fn calls(program: &mut Program, random: &mut Random) {
    let imports = program.imports.len() as u32;
    let all = imports + program.functions.len() as u32;
    let is_plain = |it: &u32| *program.signature(*it) == Signature::default();
    let plain: Vec<u32> = (imports..all).filter(is_plain).collect();
    let startable: Vec<u32> = (0..all).filter(is_plain).collect();
    if !startable.is_empty() && random.chance(30) {
        program.start = Some(*random.pick(&startable));
    }
    if !plain.is_empty() && random.chance(35) {
        program.export("_initialize", Exported::Function, *random.pick(&plain));
    }
    if !program.memories.is_empty() {
        program.export("memory", Exported::Memory, 0);
    }
    if random.chance(6) {
        // An import as it is. Of the two that need the guest, the one that calls back stays out.
        let import = random.below(program.imports.len());
        if ![hosts::BACK, hosts::SEEN].contains(&&*program.imports[import].name) {
            program.export("f9", Exported::Function, import as u32);
        }
    }
    let exported: Vec<(String, u32)> = program
        .exports
        .iter()
        .filter(|it| it.name.starts_with('f'))
        .map(|it| (it.name.clone(), it.index))
        .collect();
    for index in 0..random.within(2, 4) {
        let (export, function) = exported[index % exported.len()].clone();
        let params = &program.signature(function).params;
        let params = params.iter().map(|ty| values::bits(random, *ty)).collect();
        program.calls.push(Call { export, params });
    }
}
