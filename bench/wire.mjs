// @ts-check
import { hasLibrary, requireLibrary, requirePg } from './packages.mjs'

/** Of the lifeguard and of OpenTelemetry, behind a statement. */
const comment = /\s*\/\*.*\*\/;?$/

/**
 * What node-postgres sends to the server during the work, below whatever watches or instruments it.
 * @param {() => Promise<unknown>} work
 */
export async function statementsDuring(work) {
  /** @type {string[]} */
  const texts = []
  const prototypes = [requirePg(), ...(hasLibrary('pg') ? [requireLibrary('pg')] : [])].map(
    ({ Connection }) => Connection.prototype,
  )
  const originals = prototypes.map(({ query, parse }) => ({ query, parse }))
  for (const [index, prototype] of prototypes.entries()) {
    const { query, parse } = /** @type {any} */ (originals[index])
    prototype.query = function (/** @type {string} */ text) {
      texts.push(text)
      return query.call(this, text)
    }
    prototype.parse = function (/** @type {{ text: string }} */ statement, /** @type {boolean} */ more) {
      texts.push(statement.text)
      return parse.call(this, statement, more)
    }
  }
  try {
    await work()
  } finally {
    for (const [index, prototype] of prototypes.entries()) Object.assign(prototype, originals[index])
  }
  return {
    texts: texts.map((text) => text.replace(comment, '')),
    comments: texts.filter((text) => comment.test(text)).length,
  }
}
