import http from 'node:http'
import https from 'node:https'
import { describeMillis } from '../text/duration.ts'

export interface RequestLimits {
  readonly headers: Readonly<Record<string, string>>
  readonly mostBytes: number
  /** The time limit, body included. */
  readonly answerMillis: number
  /** Aborts the request. */
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * One GET on a separate connection, limited in bytes and time, without redirections. Not `fetch`: after the garbage
 * collection of its request, no signal stops an endless body.
 */
export function request(
  url: string,
  { headers, mostBytes, answerMillis, signal }: RequestLimits,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { get } = url.startsWith('https:') ? https : http
    const asked = get(url, { headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > mostBytes) stop(`the answer is larger than ${mostBytes >> 20} MB`)
        else chunks.push(chunk)
      })
      response.on('error', settle(reject))
      response.on('aborted', () => stop('the answer broke off'))
      response.on('end', () => {
        settle(resolve)({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
      })
    })
    asked.on('error', settle(reject))

    const timer = setTimeout(
      () => stop(`no complete answer within ${describeMillis(answerMillis)}`),
      answerMillis,
    )
    const abort = () => stop('aborted')
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()

    function stop(reason: string): void {
      settle(reject)(new Error(reason))
      asked.destroy()
    }
    function settle<Value>(how: (value: Value) => void): (value: Value) => void {
      return (value) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        how(value)
      }
    }
  })
}
