namespace Coppice.Execution;

/// <summary>A prompt that is being computed, as those see it that begin with the same tokens.</summary>
/// <remarks>The scheduler calls it between passes, under its lock.</remarks>
internal interface ISharedPrompt
{
    /// <summary>Tokens whose keys and values are there.</summary>
    int Done { get; }

    /// <summary>Takes what others have computed of it since the last look, where that is more than it has.</summary>
    void TakeShared();

    /// <summary>Whether <paramref name="other"/> is about to compute and offer tokens that this one needs and that neither has.</summary>
    bool NeedsFrom(ISharedPrompt other);
}
