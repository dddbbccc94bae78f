import type pg from 'pg'
import type { Answer, Statement, Tag } from './server-session.ts'

/** The ways in which a program may hand a statement to a client. */
export type Shape = 'promise' | 'callback' | 'config' | 'config callback' | 'values' | 'named' | 'submittable'

export const scriptShapes: readonly Shape[] = [
  'promise',
  'callback',
  'config',
  'config callback',
  'submittable',
]
export const shapes: readonly Shape[] = [...scriptShapes, 'values', 'named']

type Callback = (error: unknown, result?: unknown) => void
type Query = (...args: unknown[]) => unknown

/** Sends a statement in one of the shapes. `answered` is called in the driver's own callback where there is one. */
export function send(
  client: { readonly query: unknown },
  statement: Statement,
  tag: Tag,
  shape: Shape,
  answered: () => void = () => {},
): Promise<string> {
  const text = statement.text(tag)
  const query: Query = (client.query as Query).bind(client)
  return new Promise((resolve) => {
    const callback: Callback = (error, result) => {
      resolve(error ? describeError(error) : describeResult(result))
      answered()
    }
    const settle = (promise: unknown) =>
      void (promise as Promise<unknown>).then(
        (result) => callback(undefined, result),
        (error: unknown) => callback(error),
      )
    switch (shape) {
      case 'promise':
        return settle(query(text))
      case 'callback':
        return void query(text, callback)
      case 'config':
        return settle(query({ text }))
      case 'config callback':
        return void query({ text, callback })
      case 'values': {
        const literal = `'${tag}'`
        if (!text.includes(literal)) return settle(query(text, []))
        return settle(query(text.replace(literal, '$1::text'), [tag]))
      }
      case 'named':
        return settle(query({ name: `${statement.name} ${tag}`, text }))
      case 'submittable':
        return void query(newQuery(client, text, callback))
    }
  })
}

function newQuery(client: object, text: string, callback: Callback): unknown {
  const { Query } = client.constructor as unknown as {
    Query: new (text: string, values: undefined, callback: Callback) => unknown
  }
  return new Query(text, undefined, callback)
}

/** What the model can foretell: the commands, or the code of the error. */
export function describeAnswer(answer: Answer): string {
  return 'code' in answer ? `error ${answer.code}` : answer.commands.join(', ')
}

/** Everything a program sees of a result, after what the model can foretell. */
function describeResult(result: unknown): string {
  const results = (Array.isArray(result) ? result : [result]) as pg.QueryResult[]
  const rows = results.flatMap(({ rows }) => rows)
  const commands = results.map(({ command }) => command).join(', ')
  return `${commands} | ${results.map(({ rowCount }) => rowCount).join(', ')} | ${JSON.stringify(rows)}`
}

export function describeError(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string }
  if (typeof code === 'string') return `error ${code} | ${message}`
  return `error ${/is not queryable$/.test(message) ? 'not queryable' : message} | ${message}`
}
