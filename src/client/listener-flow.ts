import type { Client } from './types.ts'

/**
 * The value of the context while listeners of a pool's event run with a client, and in the asynchronous work that they
 * start: a statement that is sent on that client there belongs to the listener, even if the client has an owner by then.
 */
export class ListenerFlow {
  readonly client: Client
  /** True until the listeners return: until then the client has no owner. */
  isCalling = true

  constructor(client: Client) {
    this.client = client
  }
}
