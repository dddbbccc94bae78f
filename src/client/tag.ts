import { hostname } from 'node:os'
import type { Checkout } from '../core/checkout.ts'
import { checkoutTag, type TagSettings } from '../core/checkout-tag.ts'
import { applicationName } from '../sql/application-name.ts'
import { tagged } from '../sql/comment.ts'
import { removeOwn } from './remove-own.ts'

/** Adds the tag of a checkout to the arguments of its `query`. */
export type StatementTagger = (checkout: Checkout, args: readonly unknown[]) => readonly unknown[]

/** Undefined if statements are not tagged. */
export function statementTagger(settings: TagSettings | undefined): StatementTagger | undefined {
  if (settings?.statements !== true) return undefined
  const commentOf = checkoutTag(settings)
  return (checkout, args) => {
    const [config, ...rest] = args
    if (checkout.via !== 'connect') return args
    if (typeof config === 'string') return [tagged(config, commentOf(checkout)), ...rest]
    if (!isPlainConfig(config)) return args
    return [{ ...config, text: tagged(config.text, commentOf(checkout)) }, ...rest]
  }
}

/**
 * Only a plain object can be copied with another text. A named statement must keep its text, and a submittable, such as a
 * cursor, sends its own.
 */
function isPlainConfig(config: unknown): config is { readonly text: string } {
  if (typeof config !== 'object' || config === null) return false
  const prototype: unknown = Object.getPrototypeOf(config)
  if (prototype !== Object.prototype && prototype !== null) return false
  const { text, name, submit } = config as { text?: unknown; name?: unknown; submit?: unknown }
  return typeof text === 'string' && !name && submit === undefined
}

/**
 * Names the connections that the pool opens from now on after this process, unless the application has named them.
 * Returns a function that stops it.
 *
 * @param given the options that connections are opened with
 * @param unnamed the name that the driver sets by itself
 */
export function nameConnections(
  given: object | undefined,
  settings: TagSettings | undefined,
  unnamed?: string,
): () => void {
  const options = given as { application_name?: unknown } | undefined
  const before = options?.application_name
  const isNamed = (before !== undefined && before !== unnamed) || Boolean(process.env.PGAPPNAME)
  if (settings?.connections !== true || options === undefined || isNamed) return () => {}
  const { application } = settings
  const name = applicationName({ application, pid: process.pid, host: hostname() })
  options.application_name = name
  return () => {
    if (options.application_name !== name) return
    if (before === undefined) removeOwn(options, 'application_name')
    else options.application_name = before
  }
}
