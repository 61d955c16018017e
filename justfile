# Short names for what is typed often. Nothing needs just(1): see CONTRIBUTING.md.
check: # form, lints, and the tests that take seconds
    cargo fmt --check && cargo clippy --all-targets --locked -- -D warnings
    cargo test --test floors --test docs --test findings --test cli
test *args: # every test but the lab
    tests/run {{args}}
snapshots: # snapshots and made pages, written again: read the difference
    SNAPSHOTS=overwrite cargo test --test cli --test findings --test docs --test plan --test draft
lab *scenarios: # the main job for real, on two virtual machines
    tests/lab/run {{scenarios}}
