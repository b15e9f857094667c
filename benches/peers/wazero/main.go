// wazero: `jit` by its compiler, `interpreter` without. WASI by its own package.
//
// The same program as the Rust peers are, in Go: see `common/src`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const (
	span     = 150 * time.Millisecond
	least    = 3
	most     = 20_000
	mostKept = 100
)

// What is asked of a guest: bytes where there is an allocator, otherwise numbers. In the answer
// `?` stands for any byte.
type guest struct {
	setUp, export     string
	params            []uint64
	input             []byte
	allocate, release string
	sized             bool
	answer            string
}

const (
	line     = `{"level":"info","user":"ada","api_key":"sk_live_9aF3kQ7LmZ2xV8bT1cYw"}`
	redacted = `{"level":"info","user":"ada","api_key":"[HIDDEN:??????]"}`
)

var echoed = strings.Repeat("x", 65_536)

func greet(allocate, release string, sized bool) guest {
	return guest{
		export: "greet", input: []byte("World"),
		allocate: allocate, release: release, sized: sized,
		answer: "Hello, World",
	}
}

var guests = map[string]guest{
	"add":  {export: "add", params: []uint64{2, 40}, answer: "42"},
	"rust": greet("allocate", "deallocate", true),
	"echo": {
		export: "echo", input: []byte(echoed),
		allocate: "allocate", release: "deallocate", sized: true,
		answer: echoed,
	},
	"zig": greet("allocate", "free", true),
	"c":   greet("malloc", "free", false),
	"go":  greet("malloc", "free", false),
	"go6": {
		export: "redact", input: []byte(line),
		allocate: "allocate", release: "free", sized: true,
		answer: redacted,
	},
	"js": {
		setUp: "qjs_init", export: "qjs_eval",
		params: []uint64{1_049_138, 8, 1_086_572, 0},
		answer: "1247488",
	},
	"fib": {export: "fib", params: []uint64{27}, answer: "196418"},
	"sum": {export: "sum", params: []uint64{100}, answer: "0"},
}

// A compiled module in a runtime of its own.
type loaded struct {
	engine   wazero.Runtime
	compiled wazero.CompiledModule
	guest    guest
}

func load(ctx context.Context, mode string, guest guest, bytes []byte) (*loaded, error) {
	config := wazero.NewRuntimeConfigCompiler()
	if mode == "interpreter" {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	engine := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, engine); err != nil {
		return nil, err
	}
	compiled, err := engine.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	env := engine.NewHostModuleBuilder("env")
	for _, function := range compiled.ImportedFunctions() {
		module, name, _ := function.Import()
		if module == "env" {
			nothing := api.GoFunc(func(context.Context, []uint64) {})
			env.NewFunctionBuilder().
				WithGoFunction(nothing, function.ParamTypes(), function.ResultTypes()).
				Export(name)
		}
	}
	if _, err := env.Instantiate(ctx); err != nil {
		return nil, err
	}
	return &loaded{engine, compiled, guest}, nil
}

// A fresh instance, started and initialised.
func (l *loaded) instance(ctx context.Context) (api.Module, error) {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	module, err := l.engine.InstantiateModule(ctx, l.compiled, config)
	if err != nil {
		return nil, err
	}
	if l.guest.setUp != "" {
		_, err = module.ExportedFunction(l.guest.setUp).Call(ctx)
	}
	return module, err
}

// An instance and the functions that were looked up in it.
type live struct {
	module                    api.Module
	export, allocate, release api.Function
	guest                     guest
}

func (l *loaded) live(ctx context.Context) (*live, error) {
	module, err := l.instance(ctx)
	if err != nil {
		return nil, err
	}
	guest := l.guest
	one := &live{module: module, export: module.ExportedFunction(guest.export), guest: guest}
	if one.export == nil {
		return nil, errors.New("no such export")
	}
	if guest.allocate != "" {
		one.allocate = module.ExportedFunction(guest.allocate)
		one.release = module.ExportedFunction(guest.release)
	}
	return one, nil
}

func (l *live) answer(ctx context.Context) (string, error) {
	guest := l.guest
	if guest.allocate == "" {
		results, err := l.export.Call(ctx, guest.params...)
		if err != nil || len(results) == 0 {
			return "", err
		}
		return strconv.FormatUint(results[0], 10), nil
	}
	length := uint64(len(guest.input))
	allocated, err := l.allocate.Call(ctx, length)
	if err != nil {
		return "", err
	}
	if !l.module.Memory().Write(uint32(allocated[0]), guest.input) {
		return "", errors.New("outside the memory")
	}
	packed, err := l.export.Call(ctx, allocated[0], length)
	if err != nil {
		return "", err
	}
	at, size := packed[0]>>32, packed[0]&0xffff_ffff
	view, ok := l.module.Memory().Read(uint32(at), uint32(size))
	if !ok {
		return "", errors.New("outside the memory")
	}
	output := string(view)
	for _, block := range [][]uint64{{at, size}, {allocated[0], length}} {
		if !guest.sized {
			block = block[:1]
		}
		if _, err := l.release.Call(ctx, block...); err != nil {
			return "", err
		}
	}
	return output, nil
}

// What the guest answers in a fresh instance that is then let go.
func (l *loaded) fresh(ctx context.Context) (string, error) {
	one, err := l.live(ctx)
	if err != nil {
		return "", err
	}
	defer one.module.Close(ctx)
	return one.answer(ctx)
}

func micros(took time.Duration) float64 { return float64(took.Nanoseconds()) / 1e3 }

// The median of batches that are long enough for the clock.
func median(work func() error) (float64, error) {
	start := time.Now()
	if err := work(); err != nil {
		return 0, err
	}
	once := max(time.Since(start), 10*time.Nanosecond)
	batch := max(1, int(20_000/once.Nanoseconds()))
	var times []float64
	began := time.Now()
	for len(times) < least || len(times) < most && time.Since(began) < span {
		start := time.Now()
		for range batch {
			if err := work(); err != nil {
				return 0, err
			}
		}
		times = append(times, micros(time.Since(start))/float64(batch))
	}
	sort.Float64s(times)
	return times[len(times)/2], nil
}

// KiB that stay resident for each thing made and kept; there is one before.
func growth(make func(int) (any, error)) (float64, error) {
	before, err := resident()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var kept []any
	for len(kept) < least || len(kept) < mostKept && time.Since(began) < span {
		next, err := make(len(kept))
		if err != nil {
			return 0, err
		}
		kept = append(kept, next)
	}
	after, err := resident()
	runtime.KeepAlive(kept)
	return (after - before) / float64(len(kept)), err
}

// The module with a custom section of its own, since equal ones share their code.
func distinct(bytes []byte, number int) []byte {
	// Not an empty one: those are refused.
	section := append([]byte{0, 10, 8}, fmt.Sprintf("%08d\x00", number)...)
	return append(append([]byte{}, bytes...), section...)
}

// The process's resident memory in KiB, without what Go has only not yet given back.
func resident() (float64, error) {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			return strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return 0, errors.New("/proc tells no VmRSS")
}

func figure(mode, measure string, guest guest, bytes []byte) (float64, error) {
	ctx := context.Background()
	check := func(answer string, err error) error {
		fits := len(answer) == len(guest.answer)
		for at := 0; fits && at < len(answer); at++ {
			fits = guest.answer[at] == answer[at] || guest.answer[at] == '?'
		}
		if err == nil && !fits {
			return fmt.Errorf("answers %.100q", answer)
		}
		return err
	}
	if measure == "cold" {
		start := time.Now()
		loaded, err := load(ctx, mode, guest, bytes)
		if err != nil {
			return 0, err
		}
		answer, err := loaded.fresh(ctx)
		took := time.Since(start)
		return micros(took), check(answer, err)
	}
	one, err := load(ctx, mode, guest, bytes)
	if err != nil {
		return 0, err
	}
	if err := check(one.fresh(ctx)); err != nil {
		return 0, err
	}
	switch measure {
	case "fresh":
		return median(func() error { _, err := one.fresh(ctx); return err })
	case "reused":
		live, err := one.live(ctx)
		if err != nil {
			return 0, err
		}
		if err := check(live.answer(ctx)); err != nil {
			return 0, err
		}
		return median(func() error { _, err := live.answer(ctx); return err })
	case "plugins":
		return growth(func(number int) (any, error) {
			next, err := load(ctx, mode, guest, distinct(bytes, number))
			if err != nil {
				return nil, err
			}
			_, err = next.fresh(ctx)
			return next, err
		})
	case "instances":
		if _, err := one.instance(ctx); err != nil {
			return 0, err
		}
		return growth(func(int) (any, error) { return one.instance(ctx) })
	}
	return 0, fmt.Errorf("no measure %q", measure)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: PEER MODE MEASURE GUEST FILE")
		os.Exit(2)
	}
	guest, known := guests[os.Args[3]]
	bytes, err := os.ReadFile(os.Args[4])
	if !known {
		err = errors.New("no such guest")
	}
	var result float64
	if err == nil {
		result, err = figure(os.Args[1], os.Args[2], guest, bytes)
	}
	if err != nil {
		fmt.Println("not:", strings.SplitN(err.Error(), "\n", 2)[0])
		return
	}
	fmt.Println(result)
}
