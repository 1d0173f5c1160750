namespace Coppice.Cli;

/// <summary>A conversation as `chat` saves it.</summary>
internal sealed record SavedConversation(IReadOnlyList<ChatTurn> Messages);

/// <summary>One message.</summary>
internal sealed record ChatTurn(string Role, string Content);
