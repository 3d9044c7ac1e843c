# What is done often, one line each. `just` lists them; nothing here is needed to build or to run.

export TALLY := "cargo run --release --locked --quiet --"

_list:
    @just --list

# Everything that must hold, cheapest first; writes nothing but build output.
verify:
    cargo fmt --all --check && cargo test -p tally --test tidy --locked && cargo clippy --workspace --all-targets --locked -- -D warnings && RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet && cargo test --workspace --locked

# What a machine can repair: format, and what clippy can rewrite.
fix:
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged && cargo fmt --all

# Every test, as the README says it.
test:
    cargo test --workspace --locked

# Figures of the parts and of the whole, on a quiet machine; `just bench --save-baseline before` keeps them.
bench *flags:
    cargo bench --locked --bench workloads --bench micro -- {{flags}}

# Our queue server beside moto, through the same SDK; moto only where TALLY_EMULATORS says it is (tests/emulators).
bench-queue:
    cargo bench --locked -p tally-sqs --bench servers

# A platform, a burst, two kills, every answer checked.
demo *flags:
    $TALLY demo {{flags}}

# One expression on a platform of its own, with who computed and who certified it.
local expression="((3+5)*(4/2))":
    $TALLY up && { $TALLY calc --trace '{{expression}}'; $TALLY down; }

# Every fault type of the catalog.
chaos *flags:
    $TALLY run workloads/catalog/chaos-worker.toml workloads/catalog/chaos-leader.toml workloads/catalog/chaos-follower.toml workloads/catalog/chaos-control-plane.toml {{flags}}

# Renders the last run again and checks its answers again.
report run="latest":
    $TALLY report {{run}} && $TALLY check {{run}}

# The documentation of every crate, for reading.
doc:
    cargo doc --workspace --no-deps --locked --open

# A minute of fuzzing the parser; needs a nightly toolchain and cargo-fuzz.
fuzz seconds="60":
    cargo +nightly fuzz run expression -- -max_total_time={{seconds}}

# What CI runs, in the same way.
ci:
    .ci/run
