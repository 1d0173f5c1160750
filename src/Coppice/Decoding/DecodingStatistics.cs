namespace Coppice.Decoding;

/// <summary>Counts and times of one generation.</summary>
internal sealed class DecodingStatistics
{
    /// <summary>Prompt tokens whose keys and values were there already.</summary>
    public int ReusedTokens { get; set; }
    /// <summary>Rows run for the prompt, and again where a longrope model changed its frequencies.</summary>
    public int PrefilledTokens { get; set; }
    /// <summary>Passes that chose tokens.</summary>
    public int Steps { get; set; }
    /// <summary>Nodes proposed by the drafter.</summary>
    public int DraftedTokens { get; set; }
    /// <summary>Nodes of them that were accepted.</summary>
    public int AcceptedTokens { get; set; }
    public TimeSpan PrefillTime { get; set; }
    public TimeSpan DraftTime { get; set; }
    public TimeSpan VerifyTime { get; set; }
    /// <summary>Managed bytes allocated by the steps after the first two.</summary>
    public long AllocatedBytes { get; set; }
    /// <summary>Tokens that those steps gave.</summary>
    public int MeasuredTokens { get; set; }
}
