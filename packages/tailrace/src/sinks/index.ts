export { type FunctionSinkOptions, functionSink, type SinkFunction } from './function.ts';
export { type MemorySink, memorySink } from './memory.ts';
export {
  type ConsoleSinkOptions,
  consoleSink,
  type FileSinkOptions,
  fileSink,
  type TailraceSinkOptions,
  tailraceSink,
} from './specs.ts';
