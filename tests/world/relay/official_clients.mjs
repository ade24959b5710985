// The official clients against a relay: node official_clients.mjs RELAY_URL PUBLIC_URL STREAM_URL
// Prints one line of JSON: what each call gave. Whoever starts it makes the blocks.
import bundles from "@flashbots/ethers-provider-bundle";
import mevShare from "@flashbots/mev-share-client";
import { JsonRpcProvider, Transaction, Wallet, HDNodeWallet } from "ethers";

const { FlashbotsBundleProvider, FlashbotsBundleResolution, FlashbotsTransactionResolution } = bundles;
const [relayUrl, publicUrl, streamUrl] = process.argv.slice(2);
const phrase = "test test test test test test test test test test test junk";
const people = [0, 1, 2, 3, 4].map((i) => HDNodeWallet.fromPhrase(phrase, "", `m/44'/60'/0'/0/${i}`));
const provider = new JsonRpcProvider(publicUrl);
provider.pollingInterval = 40;
const signer = new Wallet("0x" + "5e".repeat(32), provider);
const nonces = new Map();
const log = console.log;
console.log = () => {}; // the clients talk

async function sign(who, fields = {}) {
  const nonce = nonces.get(who) ?? (await provider.getTransactionCount(people[who].address));
  nonces.set(who, nonce + 1);
  return people[who].signTransaction({
    type: 2, chainId: 31337, nonce, to: signer.address, value: 1n, gasLimit: 100000n,
    maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n, ...fields,
  });
}
const hashOf = (raw) => Transaction.from(raw).hash;
const plain = (_key, value) => (typeof value === "bigint" ? value.toString() : value);
const out = {};

// @flashbots/ethers-provider-bundle
const client = await FlashbotsBundleProvider.create(provider, signer, relayUrl, { chainId: 31337, name: "local" });
let head = await provider.getBlockNumber();
const pair = [await sign(0), await sign(1)];
out.simulation = await client.simulate(pair, head + 1);
const reverting = await sign(0, { to: null, data: "0x5f5ffd" });
nonces.set(0, nonces.get(0) - 1);
out.firstRevert = (await client.simulate([pair[0], reverting], head + 1)).firstRevert;
const sent = await client.sendRawBundle(pair, head + 3);
out.bundleHash = sent.bundleHash;
out.localHash = FlashbotsBundleProvider.generateBundleHash(pair.map(hashOf));
out.bundleIncluded = (await sent.wait()) === FlashbotsBundleResolution.BundleIncluded;
const receipts = await sent.receipts();
out.bundleBlocks = receipts.map((r) => r.blockNumber);
out.bundleIndices = receipts.map((r) => r.index);
out.target = head + 3;
out.bundleStatsV2 = await client.getBundleStatsV2(sent.bundleHash, head + 3);
out.bundleStats = await client.getBundleStats(sent.bundleHash, head + 3);
out.userStatsV2 = await client.getUserStatsV2();
out.userStats = await client.getUserStats();

head = await provider.getBlockNumber();
const replacementUuid = "3b9f0d1c-8c0e-4b5e-9a51-0d1f0c7f2a11";
const never = await sign(0);
nonces.set(0, nonces.get(0) - 1);
const cancelled = await client.sendRawBundle([never], head + 3, { replacementUuid });
out.cancelledBundles = (await client.cancelBundles(replacementUuid)).bundleHashes;
out.cancelledHash = cancelled.bundleHash;
out.cancelledWait = (await cancelled.wait()) === FlashbotsBundleResolution.BlockPassedWithoutInclusion;

const gap = await sign(2, { nonce: 5 });
nonces.delete(2);
const waiting = await client.sendPrivateTransaction({ signedTransaction: gap });
out.cancelledPrivate = await client.cancelPrivateTransaction(waiting.transaction.hash);
head = await provider.getBlockNumber();
const single = await client.sendPrivateTransaction({ signedTransaction: await sign(2) }, { maxBlockNumber: head + 20 });
out.privateIncluded = (await single.wait()) === FlashbotsTransactionResolution.TransactionIncluded;

// @flashbots/mev-share-client
const share = new mevShare.default(signer, { apiUrl: relayUrl, streamUrl });
const heard = [];
let tell;
const stream = share.on("transaction", (event) => { heard.push(event); tell?.(); });
await new Promise((resolve, reject) => { stream.onopen = resolve; stream.onerror = reject; });
const swap = "7fc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca6760205fa1";
head = await provider.getBlockNumber();
const target = await sign(3, { nonce: 1, to: null, data: "0x" + swap }); // its nonce waits for the next one
nonces.set(3, 0);
const told = new Promise((resolve) => { tell = resolve; });
out.sharedHash = await share.sendTransaction(target, {
  hints: { calldata: true, functionSelector: true, contractAddress: true, txHash: true },
  maxBlockNumber: head + 20,
});
await told;
out.event = heard[0];
head = await provider.getBlockNumber();
const backrun = await sign(4);
const matched = await share.sendBundle({
  inclusion: { block: head + 1, maxBlock: head + 10 },
  body: [{ hash: heard[0].hash }, { tx: backrun, canRevert: false }],
});
out.matchedHash = matched.bundleHash;
await client.sendPrivateTransaction({ signedTransaction: await sign(3) }); // opens the way for the target
nonces.set(3, 2);
const landed = await provider.waitForTransaction(hashOf(backrun), 1, 20000);
const before = await provider.getTransactionReceipt(hashOf(target));
out.matched = { sameBlock: landed.blockNumber === before.blockNumber, order: landed.index - before.index };
out.shareSimulation = await share.simulateBundle({
  inclusion: { block: landed.blockNumber + 1, maxBlock: landed.blockNumber + 20 },
  body: [{ bundle: { inclusion: { block: landed.blockNumber + 1, maxBlock: landed.blockNumber + 20 },
    body: [{ tx: await sign(3), canRevert: false }] } }, { tx: await sign(4), canRevert: false }],
});
out.oldSimulation = await share.simulateBundle({
  inclusion: { block: landed.blockNumber, maxBlock: landed.blockNumber + 20 },
  body: [{ hash: hashOf(backrun) }, { tx: await sign(4, { nonce: 1 }), canRevert: false }],
});
out.landed = landed.blockNumber;
out.history = await share.getEventHistory({ limit: 10 });
out.historyInfo = await share.getEventHistoryInfo();
stream.close();
log(JSON.stringify(out, plain));
process.exit(0);
