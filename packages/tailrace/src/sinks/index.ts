export { type ConsoleSinkOptions, consoleSink } from './console.ts';
export { type FileSinkOptions, fileSink } from './file.ts';
export { type FunctionSinkOptions, functionSink, type SinkFunction } from './function.ts';
export { type MemorySink, memorySink } from './memory.ts';
export { type TailraceSinkOptions, tailraceSink } from './tailrace.ts';
