import { leakCheck } from 'pg-lifeguard/jest'
import { lifeguard } from '../src/database.js'

leakCheck(lifeguard)
