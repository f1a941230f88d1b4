//! `sim` passes the contract of all targets, with and without faults, and the contract catches
//! whoever breaks it.

mod bench;
mod faults;
mod flaws;
mod history;
mod lives;
mod metering;

use bench::SimBench;
use gearshift_deploy::target_contract;

mod an_instance {
    use super::*;
    target_contract!(SimBench::new("ec2"));
}

mod a_function {
    use super::*;
    target_contract!(SimBench::new("lambda-rust-dynamodb"));
}

mod a_flex_row {
    use super::*;
    target_contract!(SimBench::new("flex"));
}

mod two_pools_of_instances {
    use super::*;
    target_contract!(SimBench::new("clusters"));
}
