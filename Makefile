# slm: small language models inside PostgreSQL
#
# The engine (src/base .. src/task) is compiled by the rules here into
# build/libslm_engine.a, without PostgreSQL on the include path; src/pg is
# linked with it into slm.so by PGXS.  `make help` lists what can be asked for.
#
# PG_CONFIG  which PostgreSQL (default: the newest that is installed)
# FLAVOR     release (default), dev, asan, fuzz: each has its own objects
# WERROR     -Werror to stop at warnings
# V=1        show the commands

all:
.PHONY: all help unit test test-pg soak docs-examples demo server server-stop psql dev lint format check-format \
	asan valgrind fuzz bench tools models FORCE

ifndef V
MAKEFLAGS += --silent --no-print-directory
endif

# ---- Flavours ---------------------------------------------------------------
FLAVOR ?= release
BUILD := build
ifneq ($(FLAVOR),release)
BUILD := build/$(FLAVOR)
endif

FLAGS_release := -O2 -g
FLAGS_dev := -Og -g3 -DSLM_DEV -DUSE_ASSERT_CHECKING
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -DSLM_DEV -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -DSLM_DEV -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ifeq ($(FLAGS_$(FLAVOR)),)
$(error FLAVOR is release, dev, asan or fuzz)
endif
ifeq ($(FLAVOR),fuzz)
override CC := clang
endif

# ---- PostgreSQL -------------------------------------------------------------
PG_CONFIG ?= $(or $(shell ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -n 1),pg_config)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

EXTENSION := slm
MODULE_big := slm
PG_SOURCES := $(wildcard src/pg/*.c)
OBJS := $(PG_SOURCES:src/%.c=$(BUILD)/%.o)
DATA := $(wildcard sql/slm--*.sql)
REGRESS := $(patsubst sql/%.sql,%,$(filter-out sql/slm--%,$(wildcard sql/*.sql)))
ISOLATION := $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec))
ISOLATION_OPTS := --inputdir=test/isolation --outputdir=build/isolation --load-extension=slm
REGRESS_OPTS := --load-extension=slm --outputdir=build/regress
REGRESS_PREP := place-models
EXTRA_CLEAN := build

PG_CPPFLAGS := -Isrc
PG_CFLAGS := -std=gnu11 -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-ffp-contract=off -fno-math-errno $(WERROR)
# PostgreSQL's own flags may name options of the compiler that built it.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-ignored-attributes -Wno-unknown-warning-option
endif
ifneq ($(FLAVOR),release)
PG_CFLAGS += $(FLAGS_$(FLAVOR))
endif

# The engine's own needs: libm for fmaf, and threads where the C library has them apart.
ENGINE_LIBS := -lm -lpthread
ENGINE := $(BUILD)/libslm_engine.a
EXPORTS := $(BUILD)/exports.map
SHLIB_LINK := $(ENGINE) $(ENGINE_LIBS) -Wl,--version-script=$(EXPORTS)

ifneq ($(wildcard $(PGXS)),)
# Kernels must not be inlined and recompiled by PostgreSQL's JIT: no bitcode.
override with_llvm := no
include $(PGXS)

# The embedded model, with its licence beside it; a package may leave it out.
EMBEDDED := $(wildcard models/slm_base-*.gguf models/*-slm_base-*.txt)
EMBEDDED_DIR := '$(DESTDIR)$(datadir)/slm_models'
.PHONY: install-models uninstall-models
install: install-models
install-models:
	$(if $(EMBEDDED),$(MKDIR_P) $(EMBEDDED_DIR) && $(INSTALL_DATA) $(EMBEDDED) $(EMBEDDED_DIR)/)
uninstall: uninstall-models
uninstall-models:
	rm -f $(addprefix $(EMBEDDED_DIR)/,$(notdir $(EMBEDDED)))

.PHONY: place-models
place-models:
	PATH="$(bindir):$$PATH" test/tools/place-models
slm$(DLSUFFIX): $(ENGINE) $(EXPORTS) build/pg.list
else
all install installcheck:
	@echo "No PostgreSQL server headers found: install postgresql-server-dev-15 (or newer), or set PG_CONFIG." >&2; exit 1
clean:
	rm -rf build
endif

# ---- Engine -----------------------------------------------------------------
FLOORS := base gguf kernels tokenizer model engine task
ENGINE_SOURCES := $(sort $(foreach floor,$(FLOORS),$(wildcard src/$(floor)/*.c)))
ifeq ($(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null || :)),)
ENGINE_SOURCES := $(filter-out src/kernels/kernels_avx%,$(ENGINE_SOURCES))
endif
ENGINE_OBJS := $(ENGINE_SOURCES:src/%.c=$(BUILD)/%.o)
ENGINE_FLAGS := -std=gnu11 -Isrc $(FLAGS_$(FLAVOR)) -fPIC -fvisibility=hidden -fwrapv -ffp-contract=off \
	-fno-math-errno -fno-strict-aliasing -Wall -Wextra -Wvla -Wmissing-prototypes

# Only these objects may contain instructions beyond the baseline; the
# dispatcher runs them after it has asked the CPU.
ISA_FLAGS_kernels_avx2 := -O3 -mavx2 -mfma -mf16c
ISA_FLAGS_kernels_avx512 := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c

# Loops over rows that are no kernels: sums, products, rotations, which -O2 leaves scalar.
LOOP_FLAGS_model := $(if $(filter release,$(FLAVOR)),-O3)

# $(call flags_file,what): a file whose time changes when its text does, so
# that other flags, another compiler or another PostgreSQL rebuild, and nothing
# else does.
define flags_file
mkdir -p $(@D); printf '%s\n' '$(strip $(1))' | cmp -s - $@ || printf '%s\n' '$(strip $(1))' >$@
endef
$(BUILD)/engine.flags: FORCE
	$(call flags_file,$(CC) $(ENGINE_FLAGS))
$(BUILD)/engine.list: FORCE
	$(call flags_file,$(ENGINE_OBJS))
$(BUILD)/pg.flags: FORCE
	$(call flags_file,$(CC) $(filter-out -Werror,$(CFLAGS)) $(CPPFLAGS) $(VERSION))
# One slm.so stands at the top for all flavours, so it is linked anew after a change of flavour.
build/pg.list: FORCE
	$(call flags_file,$(OBJS) $(SHLIB_LINK))

$(ENGINE_OBJS): $(BUILD)/%.o: src/%.c $(BUILD)/engine.flags
	mkdir -p $(@D)
	$(CC) $(ENGINE_FLAGS) $(ISA_FLAGS_$(basename $(@F))) $(LOOP_FLAGS_$(notdir $(@D))) $(WERROR) -MMD -MP -c -o $@ $<
$(ENGINE): $(ENGINE_OBJS) $(BUILD)/engine.list
	rm -f $@
	$(AR) rcs $@ $(ENGINE_OBJS)

$(OBJS): $(BUILD)/%.o: src/%.c $(BUILD)/pg.flags
	mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# What leaves slm.so: the SQL functions, their pg_finfo_ records, what background
# workers start with, and what PostgreSQL asks every module for.
$(EXPORTS): $(OBJS)
	{ echo '{ global: Pg_magic_func; _PG_init; pg_finfo_*; slm_*_main;'; \
	  nm $(OBJS) | sed -n 's/.* T pg_finfo_\(.*\)/  \1;/p'; \
	  echo '  local: *; };'; } >$@

-include $(ENGINE_OBJS:.o=.d) $(OBJS:.o=.d)

# ---- Programs on the engine: unit tests, fuzzers, benchmarks, tools ---------
SUPPORT_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/unit/test_%,$(wildcard test/unit/*.c)))
UNIT_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit/test_*.c))
FUZZ_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/fuzz/fuzz_*.c))
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/bench/bench_*.c))
TOOL_PROGRAMS := $(BUILD)/models/quantize $(patsubst %.c,$(BUILD)/%,$(wildcard test/tools/*.c))
PROGRAMS := $(UNIT_PROGRAMS) $(FUZZ_PROGRAMS) $(BENCH_PROGRAMS) $(TOOL_PROGRAMS)
PROGRAM_FLAGS = $(ENGINE_FLAGS) -Itest/unit $(WERROR)
FUZZ_LINK := $(if $(filter fuzz,$(FLAVOR)),-fsanitize=fuzzer)
$(FUZZ_PROGRAMS): PROGRAM_LINK := $(FUZZ_LINK)

$(SUPPORT_OBJS): $(BUILD)/%.o: %.c $(BUILD)/engine.flags
	mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/libsupport.a: $(SUPPORT_OBJS)
	rm -f $@
	$(AR) rcs $@ $^
$(PROGRAMS): $(BUILD)/%: %.c $(BUILD)/libsupport.a $(ENGINE) $(BUILD)/engine.flags
	mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(BUILD)/libsupport.a $(ENGINE) \
		$(PROGRAM_LINK) -lcrypto $(ENGINE_LIBS)
-include $(SUPPORT_OBJS:.o=.d) $(PROGRAMS:=.d)

tools: $(TOOL_PROGRAMS)

# ---- Tests ------------------------------------------------------------------
unit: $(UNIT_PROGRAMS) ## unit tests over the engine archive (T=part of a test's name)
	test/tools/run-unit $(if $(T),-t $(T)) $(UNIT_PROGRAMS)
test: ## every test, on a private server (T=unit, regress, isolation, pgtap, tap)
	test/run $(T)
test-pg: ## tests with another PostgreSQL, in a Debian of its own (PG=15, 17 or 18; T=layers; needs root and debootstrap)
	test/tools/with-postgres $(PG) $(T)
soak: build/test/unit/test_scheduler ## a million courses of the workers' scheduler; thousands of cancels, ends and kills
	SLM_SEEDS=$(or $(SEEDS),1000000) build/test/unit/test_scheduler
	SLM_SOAK=1000 test/run tap
asan: ## unit tests under AddressSanitizer and UBSan
	$(MAKE) FLAVOR=asan unit T=$(T)
valgrind: $(UNIT_PROGRAMS) ## unit tests under valgrind
	RUN="valgrind -q --error-exitcode=99 --leak-check=full" test/tools/run-unit $(if $(T),-t $(T)) $(UNIT_PROGRAMS)
ifeq ($(FLAVOR),fuzz)
fuzz: $(FUZZ_PROGRAMS)
	test/tools/run-fuzz $(or $(TIME),60) $(FUZZ_PROGRAMS)
else
fuzz: build/test/tools/malformed ## libFuzzer over test/fuzz (TIME=seconds each; needs clang)
	$(MAKE) FLAVOR=fuzz fuzz
endif
bench: $(BENCH_PROGRAMS) ## benchmarks (B=part of a name)
	for program in $(BENCH_PROGRAMS); do case $$program in *$(B)*) $$program || exit 1 ;; esac; done
# ---- Measurements through SQL: test/bench/README.md ---------------------------
# FOLDER=data sets  ARGS="more arguments"  SLM_ORACLE_VENV=a venv that exists
MEASUREMENTS := bench-slm-base bench-functions bench-batching bench-generation bench-parity bench-zeroshot bench-fewshot bench-one-answer bench-labels-once bench-prefix bench-workers bench-memory bench-real-sizes bench-speed bench-cancel bench-constrained bench-draft
.PHONY: $(MEASUREMENTS)
$(MEASUREMENTS): $(BENCH_PROGRAMS)
	test/bench/run $(subst -,_,$(@:bench-%=%)) $(FOLDER) $(ARGS)
bench-slm-base: ## scores of the embedded model, F32 and as shipped (FOLDER=data sets)
bench-functions: ## rows/s, latency and memory of each function (FOLDER=data sets)
bench-batching: ## a row a call, array forms, the plan node: rows/s and one hash (FOLDER=data sets)
bench-generation: ## generated extraction, 1 to 16 rows beside each other: rows/s and one hash ([FOLDER=where models are kept])
bench-parity: ## cosine and STS-B beside sentence-transformers (FOLDER=data sets)
bench-zeroshot: ## labels beside MiniLM in Python (FOLDER=data sets)
bench-fewshot: ## classifiers trained in SQL on a few rows (FOLDER=data sets)
bench-one-answer: ## one hash over instruction sets, batches, orders, backends, workers
bench-labels-once: ## trigger and prepared statement pay for labels once
bench-prefix: ## slm_classify by a decoder, what prompts begin with kept and not
bench-draft: ## the option draft, where all guesses are right and where few are ([FOLDER=where models are kept])
bench-workers: ## sixteen sessions that generate, with a worker and without (ARGS="--file MODEL.gguf")
bench-memory: ## 32 backends, first calls, cold image
bench-real-sizes: ## decoders of 1, 4 and 8 billion weights, memory and tokens/s (FOLDER=where their files are kept)
bench-speed: ## rows/s beside ONNX Runtime int8 ([FOLDER=data sets])
bench-constrained: ## 10^5 values that models write under schemas, against jsonschema and jsonb; resumable
bench-cancel: ## cancel and statement_timeout over plain SQL's

lint: all ## floors, exports, symbols, format, unreferenced tests, banners
	test/tools/lint $(ENGINE) slm.so
check-format: ## is the C code formatted?
	test/tools/format --check
format: ## format the C code
	test/tools/format

docs-examples: ## rewrite the outputs that docs/SQL.md and docs/TAGGING.md show
	rm -rf build/docs
	test/run accuracy || :
	cp build/docs/*.md docs/

# ---- Running it -------------------------------------------------------------
demo: ## from nothing to classified, extracted and summarized tickets, on a private server
	docs/demo/run
server: ## start a private server with slm, print its URI
	test/tools/server start
server-stop: ## stop it
	test/tools/server stop
psql: ## psql on it, or run a script from standard input
	test/tools/server psql
dev: ## build with assertions, -Og -g3 and -Werror
	$(MAKE) FLAVOR=dev WERROR=-Werror all
models: build/models/quantize ## fetch and convert all-MiniLM-L6-v2, which measurements compare with
	models/fetch-minilm

help: ## this list
	@echo "make                    build slm.so with PGXS"
	@echo "make install            install it into PostgreSQL (never downloads)"
	@echo "make installcheck       regression tests on a running server"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | sort | \
		while IFS='	' read -r name what; do printf 'make %-18s %s\n' "$$name" "$$what"; done
	@echo "make clean              remove what was built"
	@echo "Variables: PG_CONFIG=/path/to/pg_config  FLAVOR=release|dev|asan|fuzz  WERROR=-Werror  V=1"
