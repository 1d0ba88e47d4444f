import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/** The standard metrics of the process: one registry, however many proxies run in it. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    // Ten times a second instead of a hundred times: an idle proxy should sleep.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
    // Prometheus's own check complains about these gauges by type and counters by name.
    for (const name of misnamed) registry.removeSingleMetric(name);
  }
  return registry;
}

const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];
