namespace Coppice.Cli;

/// <summary>What a store of n-grams was made of, and what it holds; shards is how many parts were counted apart.</summary>
internal sealed record NGramsResult(int Documents, long Tokens, IReadOnlyList<NGramsOrder> Orders, int Shards, long Bytes);

/// <summary>Runs of as many tokens: how many places they have in the texts, and how many different ones are kept.</summary>
internal sealed record NGramsOrder(int Order, long Positions, int Entries);
