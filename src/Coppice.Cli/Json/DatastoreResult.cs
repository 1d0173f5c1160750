namespace Coppice.Cli;

/// <summary>What a datastore was made of; entries are tokens with borders between documents, or pairs of tokens.</summary>
internal sealed record DatastoreResult(string Kind, int Documents, long Tokens, int Entries, long Bytes);
