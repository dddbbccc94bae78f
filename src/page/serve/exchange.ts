import type { RequestEvidence } from '../../access/local-request.ts'
import { documentHeaders, pageDocument, safeHeaders } from './document.ts'
import type { Feed } from './feed.ts'

/** The parts of a `node:http` request that the page reads. */
export interface PageRequest extends RequestEvidence {
  readonly method?: string | undefined
  /** The part of the URL that Express has removed. */
  readonly baseUrl?: string | undefined
}

/** The parts of a `node:http` response that the page writes. */
export interface PageResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown
  write(chunk: string): boolean
  end(body?: string): unknown
  on(event: 'close' | 'drain', listener: () => void): unknown
}

/** Answers one request. */
export class Exchange {
  readonly #request: PageRequest
  readonly #response: PageResponse

  constructor(request: PageRequest, response: PageResponse) {
    this.#request = request
    this.#response = response
  }

  document(): void {
    this.#answer(200, pageDocument, documentHeaders)
  }

  json(status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#answer(status, body, {
      ...safeHeaders,
      'content-type': 'application/json; charset=utf-8',
      ...headers,
    })
  }

  refuse(status: number, reason: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#answer(status, `${reason}\n`, {
      ...safeHeaders,
      'content-type': 'text/plain; charset=utf-8',
      ...headers,
    })
  }

  /** Keeps the answer open, and writes what changes. */
  events(feed: Feed): void {
    if (this.#request.method === 'HEAD') {
      this.#answer(200, '', eventHeaders)
      return
    }
    const response = this.#response
    if (feed.isFull) {
      this.refuse(503, 'too many pages look at this feed: close some')
      return
    }
    response.writeHead(200, eventHeaders)
    const connection = feed.connect({
      write(text) {
        const goesOn = response.write(text)
        // The middleware `compression` collects what is written until it is asked not to.
        if ('flush' in response && typeof response.flush === 'function') response.flush()
        return goesOn
      },
    })
    response.on('drain', () => connection.drained())
    response.on('close', () => connection.close())
  }

  #answer(status: number, body: string, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    this.#response.end(this.#request.method === 'HEAD' ? undefined : body)
  }
}

const eventHeaders = {
  ...safeHeaders,
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx would collect the events.
  'x-accel-buffering': 'no',
}
