import { Agent, get } from 'node:http'

const callers = 100
const agent = new Agent({ keepAlive: true, maxSockets: callers })

/** Sends requests from 100 callers at once. Each waits for the answer of the one before. */
export async function sendRequests(url: string, count: number): Promise<void> {
  let sent = 0
  const caller = async () => {
    while (sent < count) {
      sent += 1
      await request(url)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

function request(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`GET ${url} answered ${response.statusCode}`))
      response.once('end', resolve)
      response.once('error', reject)
      response.resume()
    })
    sent.once('error', reject)
  })
}
