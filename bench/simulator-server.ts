// The process that simulator-process.ts starts.
import { startSimulator } from '../src/simulator/simulator.ts';

const simulator = await startSimulator({
  slots: 16,
  delays: { 'GET /machines/': Number(process.argv[2]) },
});
process.on('message', () => {
  process.send?.(simulator.peak);
  simulator.clear();
});
process.on('disconnect', () => process.exit());
process.send?.(simulator.port);
