import type { Client } from './types.ts'

/**
 * The current value of the context while listeners of a pool's event are called with a client, and in all that they go on
 * to do: a statement that is sent on that client in such a flow is the listener's, whoever has the client by then.
 */
export class ListenerFlow {
  readonly client: Client
  /** The listeners have not returned yet, so that nobody else has the client. */
  isCalling = true

  constructor(client: Client) {
    this.client = client
  }
}
