export type { PageDatabase, PagePoolLike } from './database.ts'
export { type PageHandlerOptions, pageHandler } from './page-handler.ts'
export type { PageRequest, PageResponse } from './serve/exchange.ts'
