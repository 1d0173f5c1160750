using System.Runtime.CompilerServices;

namespace Coppice.Text.Templates;

/// <summary>Ends the analysis of a template that is nested too deeply instead of letting it overflow the stack.</summary>
internal static class StackGuard
{
    /// <summary>Throws where less than a safe rest of this thread's stack is left.</summary>
    public static void Check(Node node)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TemplateException(TemplateErrorKind.Limit, "the template is nested too deeply for this thread's stack", node.Line);
    }
}
