# Hato. `make` builds build/<program>; `make help` lists the rest. A folder with a main.c is a program, and may have rooms
# (folders) in it; a file X_test.c is a unit test; tests/fuzz/X_fuzz.c is a libFuzzer target. Adding a file is enough,
# nothing is listed here by hand.
#
# SAN=address,undefined or SAN=thread builds everything with sanitizers into a directory of its own.

CC      ?= cc
SAN     ?=
comma   := ,
BUILD   := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BUILD   := $(BUILD)$(if $(FUZZ),-fuzz)

PACKAGES := libevent libevent_pthreads libmicrohttpd jansson sqlite3 inih openssl libcares libidn2 libpsl icu-i18n icu-uc
PC_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PC_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
HARDEN   := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
ifneq ($(SAN)$(FUZZ),)
HARDEN   := -fno-omit-frame-pointer -fPIE
endif
OPT      ?= -O2 -g
CFLAGS   ?= $(OPT)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. $(WARN) $(HARDEN) $(CFLAGS) $(PC_CFLAGS) $(SAN_FLAGS) -pthread
LDFLAGS  ?= -pie -Wl,-z,relro,-z,now
LIBS     := $(PC_LIBS) -lm -pthread
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
ifdef FUZZ
CC        := clang
SAN_FLAGS := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
endif

PROGRAMS := $(patsubst %/main.c,%,$(wildcard */main.c))
LIB_SRCS := $(filter-out %_test.c,$(wildcard lib/*.c lib/wire/*.c lib/wire/*/*.c lib/rules/*.c))
DB_SRCS  := $(filter-out %_test.c,$(wildcard db/*.c))
TEST_SRCS := $(wildcard lib/*_test.c lib/wire/*_test.c lib/wire/*/*_test.c lib/rules/*_test.c db/*_test.c tests/model/*_test.c $(PROGRAMS:%=%/*_test.c) $(PROGRAMS:%=%/*/*_test.c))
FUZZ_SRCS := $(wildcard tests/fuzz/*_fuzz.c)
BENCH_SRCS := $(wildcard bench/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
program_srcs = $(filter-out %_test.c,$(wildcard $(1)/*.c $(1)/*/*.c))
program_parts = $(filter-out $(1)/main.c,$(call program_srcs,$(1)))

TESTS    := $(patsubst %.c,$(BUILD)/tests/%,$(TEST_SRCS))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRCS))

.PHONY: all
all: $(PROGRAMS:%=$(BUILD)/bin/%) $(PROGRAMS:%=$(BUILD)/%)

# build/<program> is what people run; a folder of objects has the same name elsewhere, hence the hop over bin/.
$(PROGRAMS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/bin/%
	@ln -sf bin/$* $@

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The schema is SQL in files; the program carries it.
MIGRATIONS := $(sort $(wildcard db/migrations/*.sql))
$(BUILD)/gen/db_migrations.h: $(MIGRATIONS) scripts/embed-migrations
	@mkdir -p $(@D)
	scripts/embed-migrations $(MIGRATIONS) >$@.tmp && mv $@.tmp $@
$(call obj,$(DB_SRCS)): $(BUILD)/gen/db_migrations.h
$(call obj,$(DB_SRCS)): ALL_CFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/db/migrate_test.o: $(BUILD)/gen/db_migrations.h
$(BUILD)/obj/db/migrate_test.o: ALL_CFLAGS += -I$(BUILD)/gen

# The page of the simulated SMSC, too.
SCENARIOS := $(sort $(wildcard smsc-sim/scenarios/*.json))
$(BUILD)/gen/smsc_page.h: smsc-sim/page.html $(SCENARIOS) scripts/embed-page
	@mkdir -p $(@D)
	scripts/embed-page $< $(SCENARIOS) >$@.tmp && mv $@.tmp $@
$(call obj,smsc-sim/page.c): $(BUILD)/gen/smsc_page.h
$(call obj,smsc-sim/page.c): ALL_CFLAGS += -I$(BUILD)/gen

$(BUILD)/libhato.a: $(call obj,$(LIB_SRCS))
$(BUILD)/libdb.a: $(call obj,$(DB_SRCS))
$(BUILD)/%.a:
	@rm -f $@
	$(AR) qcs $@ $^

define program_rules
$(BUILD)/bin/$(1): $(call obj,$(call program_srcs,$(1))) $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
$(patsubst %.c,$(BUILD)/tests/%,$(wildcard $(1)/*_test.c $(1)/*/*_test.c)): $(call obj,$(call program_parts,$(1)))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(p))))

$(BUILD)/tests/%: $(BUILD)/obj/%.o $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libdb.a $(BUILD)/libhato.a $(LIBS) -lcmocka

# The reference model of the binding rules, and what tells histories to it and to lib/rules.
MODEL_SRCS := $(filter-out %_test.c,$(wildcard tests/model/*.c))
$(patsubst %.c,$(BUILD)/tests/%,$(wildcard tests/model/*_test.c)): $(call obj,$(MODEL_SRCS))

# Fuzz targets link every program's parts as archives: the linker takes what a target names, so that a parser may stand
# where it belongs.
FUZZ_PARTS := $(patsubst %,$(BUILD)/parts/%.a,$(filter-out hato handset-sim,$(PROGRAMS)))
define parts_rule
$(BUILD)/parts/$(1).a: $(call obj,$(call program_parts,$(1)))
	@mkdir -p $$(@D) && rm -f $$@
	$$(AR) qcs $$@ $$^
endef
$(foreach p,$(PROGRAMS),$(eval $(call parts_rule,$(p))))
# Without FUZZ=1 a target runs its seeds, once.
.SECONDARY: $(call obj,$(FUZZ_SRCS) $(TEST_SRCS))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(if $(FUZZ),,$(call obj,tests/fuzz/seeds.c)) $(FUZZ_PARTS) $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(if $(FUZZ),-fsanitize=fuzzer,$(LDFLAGS)) -o $@ $^ $(LIBS)

# The build that is meant to fail: the same objects, but for those files that ask PROTECTED() (lib/rules/weaken.h). Only the
# programs that differ are linked; a test shows that each protection that HATO_WEAK turns off is missed.
WEAK_BUILD := $(BUILD)-weak
WEAK_PROGRAMS := authsrv popgw
WEAK_SRCS := tests/weak/weaken.c $(shell grep -l 'rules/weaken.h' $(LIB_SRCS) $(DB_SRCS) $(foreach p,$(WEAK_PROGRAMS),$(call program_srcs,$(p))))
weak_obj = $(foreach s,$(1),$(if $(filter $(s),$(WEAK_SRCS)),$(s:%.c=$(WEAK_BUILD)/obj/%.o),$(call obj,$(s))))
$(WEAK_BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DHATO_WEAK -I$(BUILD)/gen -MMD -MP -c -o $@ $<
define weak_rule
$(WEAK_BUILD)/bin/$(1): $(call weak_obj,$(call program_srcs,$(1)) $(DB_SRCS) $(LIB_SRCS) tests/weak/weaken.c)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(WEAK_PROGRAMS),$(eval $(call weak_rule,$(p))))
.PHONY: weak
weak: all $(WEAK_PROGRAMS:%=$(WEAK_BUILD)/bin/%)
	@for p in $(filter-out $(WEAK_PROGRAMS),$(PROGRAMS)); do ln -sf ../../$(BUILD)/bin/$$p $(WEAK_BUILD)/bin/$$p; done
ifdef WEAK
.DEFAULT_GOAL := weak
endif

# What drives a part of a program by lines on its stdin: an e2e test is at the other end.
DRIVES := $(BUILD)/tests/drive/esme $(BUILD)/tests/drive/queue $(BUILD)/tests/drive/outbound
$(BUILD)/tests/drive/outbound: $(call obj,tests/drive/outbound.c) $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/tests/drive/esme: $(call obj,tests/drive/esme.c $(call program_parts,pushsrv)) $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/tests/drive/queue: $(call obj,tests/drive/queue.c) $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# What `make bench` measures with: each file of bench/ is a program.
BENCHES := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRCS))
# pushsrv's trigger thread alone, before the archives that it needs.
$(BUILD)/bench/bearer: $(call obj,$(call program_parts,pushsrv))
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/libdb.a $(BUILD)/libhato.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libdb.a $(BUILD)/libhato.a $(LIBS)

.PHONY: docs unit e2e benches drives test fuzz fuzzers fuzz-short soak soak-load demo bench model lint clean help tests
tests: $(TESTS) $(DRIVES) $(FUZZERS)
benches: $(BENCHES)
drives: $(DRIVES)

unit: $(TESTS) $(FUZZERS)
	@scripts/run-unit-tests $(TESTS) $(FUZZERS)

e2e: all weak $(DRIVES)
	@HATO_BUILD=$(BUILD) scripts/run-e2e-tests

test:
	@scripts/install-deps test
	@$(MAKE) --no-print-directory -j2 all tests weak
	@HATO_BUILD=$(BUILD) scripts/run-tests $(TESTS) $(FUZZERS)

SOAK_HISTORIES ?= 10000000
SOAK_SECONDS ?= 1800
soak: all $(BENCHES) $(BUILD)/tests/tests/model/rules_test
	@$(BUILD)/tests/tests/model/rules_test --histories $(SOAK_HISTORIES)
	@HATO_BUILD=$(BUILD) HATO_SOAK=1 scripts/run-e2e-tests tests/crash tests/e2e/sms_day_test.py tests/e2e/incident_2012_test.py
	@HATO_BUILD=$(BUILD) SOAK_SECONDS=$(SOAK_SECONDS) bench/run soak
soak-load: all $(BENCHES)
	@HATO_BUILD=$(BUILD) SOAK_SECONDS=$(SOAK_SECONDS) bench/run soak

demo:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory -s -j2 all
	@HATO_BUILD=$(BUILD) scripts/demo

fuzzers: $(FUZZERS)
fuzz:
	@scripts/install-deps fuzz
	@$(MAKE) --no-print-directory -j2 FUZZ=1 fuzzers
	@scripts/run-fuzzers build-fuzz $(FUZZ_SECONDS)

# `make bench` runs the pieces that bench/pieces.py lists, `make bench-NAME` one of its names.
bench: bench-all
bench-%:
	@scripts/install-deps peers
	@$(MAKE) --no-print-directory -s -j2 all benches drives
	@HATO_BUILD=$(BUILD) bench/run $*

model:
	@scripts/install-deps model
	@scripts/model

lint:
	@scripts/install-deps lint
	@scripts/lint

docs: all $(BUILD)/tests/lib/rules/table_test
	@HATO_BUILD=$(BUILD) scripts/make-docs

clean:
	rm -rf build build-*

help:
	@echo 'make            build the programs into build/'
	@echo 'make demo       run everything in a temporary directory with 1,000 phones'
	@echo 'make test       unit, end-to-end and (short) crash tests; SAN=address,undefined or SAN=thread'
	@echo 'make soak       the crash tests in their long form, a whole day of faults, 200,000 bounces, 10 million histories of leases (SOAK_HISTORIES=N),'
	@echo '                and soak-load: half an hour at 80% of capacity (SOAK_SECONDS=N): memory, descriptors, files, p99'
	@echo 'make fuzz       every libFuzzer target, FUZZ_SECONDS=60 each'
	@echo 'make bench      what it costs beside its peers and the bare limit, in half an hour: a table, bench/results/'
	@echo 'make bench-NAME one of it: pop lmtp lease push token smtp storm scale, or another name of `bench/run list`'
	@echo 'make model      the protocol in Promela, checked by spin'
	@echo 'make docs       the pages that are made from the code'
	@echo 'make lint       formatting, static analysis, gcc and clang without a warning'
	@echo 'make WEAK=1     authsrv and popgw whose protections can be switched off one by one, into build-weak/bin (docs/incident-2011.md)'
	@echo 'make clean'

-include $(shell find $(BUILD)/obj $(WEAK_BUILD)/obj -name '*.d' 2>/dev/null)
