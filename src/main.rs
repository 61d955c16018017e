fn main() -> std::process::ExitCode {
    replant::cli::main()
}
