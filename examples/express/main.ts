import { startService } from './app.ts'

const { DATABASE_URL = 'postgres://localhost/postgres', PORT = '3000' } = process.env
const { url } = await startService(DATABASE_URL, { mode: 'observe' }, Number(PORT))
console.log(`listening on ${url}`)
