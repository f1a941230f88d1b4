use gearshift_policy::Economics;

/// 512 MB for 60 ms behind an HTTP API against half a vCPU with 1 GB, us-east-1.
pub fn api() -> Economics {
    Economics {
        function_request: 1_700_000,
        spill_request: 700_000,
        lb_request: 40_000,
        lb_hour: 32_500_000,
        task_hour: 29_685_000,
        task_per_s: 50.0,
        burstiness: 1.5,
        shift: 0,
        max_tasks: 200,
        function_per_s: None,
    }
}
