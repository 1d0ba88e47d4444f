import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/** The standard metrics of the process, of which there is one however many proxies run in it. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    // Ten times a second instead of a hundred times: an idle proxy is to sleep.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
    // Gauges by type and counters by name, so that Prometheus's own check complains of them.
    for (const name of misnamed) registry.removeSingleMetric(name);
  }
  return registry;
}

const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];
